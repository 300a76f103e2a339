"""What the forms of all pages share."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.validators import ProhibitNullCharactersValidator
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from restai_site.lib.emblems import TOO_LARGE, UPLOAD_MAX_BYTES, Writer
from restai_site.lib.errors import DomainError, Invalid
from restai_site.lib.rate_limit import PER_MINUTE_MAX

if TYPE_CHECKING:
    from restai_site.lib.images import Emblem

# What the sender can put right by changing the form.
CORRECTABLE = frozenset({400, 409, 413})


class PageForm(forms.Form):
    """A form whose labels stand without a colon; Django's widgets come bare of required marks."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


def kept_since(moment: datetime) -> str:
    """Return the help of a field that replaces a secret: since when there is one, no more."""
    return f"{set_on(moment)}. Leave empty to keep it."


def set_on(moment: datetime) -> str:
    """Return since when there is a secret, in words."""
    return f"Set on {moment.day} {moment:%b %Y}"


class LongTextField(forms.CharField):
    """Text of many lines, kept as it was written: not trimmed, lines ending as on Unix."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("strip", False)
        super().__init__(**kwargs)
        self.validators.append(ProhibitNullCharactersValidator())

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text.replace("\r\n", "\n") if isinstance(text, str) else text


class PerMinuteField(forms.IntegerField):
    """A limit of requests per minute; empty: none."""

    def __init__(self, **kwargs: Any) -> None:
        given = {"min_value": 1, "max_value": PER_MINUTE_MAX, "required": False}
        super().__init__(**{"label": "Requests a minute", **given, **kwargs})


class SecretTextarea(forms.Textarea):
    """Takes a secret, of several lines if need be, and never puts one on a page, wrong or right."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        # Some browsers send what they check for spelling to their makers.
        quiet = {"rows": 3, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        super().__init__({**quiet, **(attrs or {})})

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class _Caught(AbstractContextManager[None]):
    """Hands what the sender can correct to `tell`, and lets refusals through."""

    def __init__(self, tell: Callable[[DomainError], None]) -> None:
        self._tell = tell

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, DomainError) or error.status not in CORRECTABLE:
            return False
        self._tell(error)
        return True


def errors_on(form: forms.BaseForm) -> _Caught:
    """Put what a service finds wrong onto `form`; let refusals through."""
    return _Caught(lambda error: _explain(form, error))


def errors_told(request: HttpRequest) -> _Caught:
    """Tell what a service finds wrong as a message, where there is no form to put it on."""
    return _Caught(lambda error: messages.error(request, error.message))


def _explain(form: forms.BaseForm, error: DomainError) -> None:
    known = {name: texts for name, texts in (error.fields or {}).items() if name in form.fields}
    for name, texts in known.items():
        form.add_error(name, list(texts))
    if not known:
        form.add_error(None, error.message)


def safe_next(request: HttpRequest, fallback: str) -> str:
    """Return the page the request asks to go on to, if it is one of ours."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if ours and target.startswith("/") else fallback


class PictureField(forms.FileField):
    """An image file. `write` makes the picture of its bytes, or raises Invalid."""

    def __init__(self, *, write: Writer, **kwargs: Any) -> None:
        self._write = write
        chooser = forms.FileInput({"accept": "image/png,image/jpeg,image/webp"})
        super().__init__(required=False, widget=chooser, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> "Emblem | None":
        file = super().clean(data, None)
        if not file:
            return None
        if file.size > UPLOAD_MAX_BYTES:
            raise forms.ValidationError(TOO_LARGE)
        try:
            return self._write(file.read())
        except Invalid as error:
            raise forms.ValidationError(error.message) from None
