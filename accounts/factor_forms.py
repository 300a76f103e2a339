"""Forms of second factors. They validate; services decide and save."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict

from accounts.models import Passkey, User
from accounts.sections import PASSWORD_MOST
from accounts.services.factors import ConfirmationRequired
from restai_site.lib.errors import Invalid
from restai_site.ui.forms import PageForm, errors_on

# An answer of a passkey; attestations of some makers hold several certificates.
CREDENTIAL_MAX_LENGTH = 64 * 1024
CODE_MAX_LENGTH = 64


class CodeInput(forms.TextInput):
    """Takes a code and never puts one on a page, wrong or right."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class AlternativeField(forms.CharField):
    """One of several fields of which something must be filled in; the form says what."""

    def validate(self, value: Any) -> None:
        """Take nothing, too."""


class CredentialInput(forms.HiddenInput):
    """Takes what a passkey has answered, which is of no use twice."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class CredentialField(forms.CharField):
    """What a passkey has answered, as JSON; a script fills it in, people never see it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            max_length=CREDENTIAL_MAX_LENGTH,
            widget=CredentialInput(attrs={"data-passkey-answer": True}),
            **kwargs,
        )

    def clean(self, value: Any) -> dict[str, Any] | None:
        """Return the JSON object, or None where nothing was sent."""
        text = super().clean(value)
        if not text:
            return None
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise forms.ValidationError("The browser's answer does not hold: try again.")
        return answer


@contextmanager
def proof_errors_on(form: forms.BaseForm) -> Iterator[None]:
    """Put what is wrong with a proof, or missing from it, onto `form`; let refusals through."""
    with errors_on(form):
        try:
            yield
        except ConfirmationRequired as error:
            raise Invalid(error.message) from None


def sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent, also where that is nothing; None where none was sent."""
    return request.POST if request.method == "POST" else None


def code_field(label: str, *, numeric: bool, help_text: str = "") -> AlternativeField:
    """Return a field for a code; `numeric` brings up the digits on a telephone."""
    attributes = {"autocomplete": "one-time-code" if numeric else "off", "spellcheck": "false"}
    if numeric:
        attributes["inputmode"] = "numeric"
    return AlternativeField(
        label=label,
        max_length=CODE_MAX_LENGTH,
        help_text=help_text,
        widget=CodeInput(attrs={**attributes, "autocapitalize": "none"}),
    )


class SecondFactorForm(PageForm):
    """The second stage of a log-in: any one of the factors."""

    code = code_field("Code", numeric=True, help_text="The six digits that your app shows now.")
    recovery_code = code_field("Recovery code", numeric=False, help_text="Each works once.")
    passkey = CredentialField()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not any(cleaned.values()):
            self.add_error("code", "Enter a code.")
        return cleaned


class PasskeyForm(PageForm):
    """The answer of a passkey alone."""

    passkey = CredentialField()


class CodeForm(PageForm):
    """The code that shows that an app was set up."""

    code = code_field("Code", numeric=True, help_text="The six digits that the app shows now.")

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if not code:
            raise forms.ValidationError("Enter the code.")
        return code


class ProofForm(PageForm):
    """Once more who somebody is: what they have of a password and factors."""

    password = AlternativeField(
        label="Password",
        strip=False,
        max_length=PASSWORD_MOST,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = code_field(
        "Code",
        numeric=False,
        help_text="The six digits that your authenticator app shows, or a recovery code.",
    )
    passkey = CredentialField()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not user.has_usable_password():
            del self.fields["password"]
        if user.second_factor_since is None:
            del self.fields["code"], self.fields["passkey"]
        self.offers_passkey = Passkey.objects.filter(user=user).exists()

    def given(self) -> dict[str, Any]:
        """Return what `accounts.proof.prove` takes."""
        values = self.cleaned_data
        return {
            "password": values.get("password", ""),
            "code": values.get("code", ""),
            "credential": values.get("passkey"),
        }


class NewPasskeyForm(PageForm):
    """A name for a passkey, and what the browser has made."""

    name = forms.CharField(
        label="Name",
        max_length=64,
        initial="Passkey",
        help_text="To know it by, for example “Laptop”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    passkey = CredentialField()

    def clean_passkey(self) -> dict[str, Any]:
        answer: dict[str, Any] | None = self.cleaned_data["passkey"]
        if answer is None:
            raise forms.ValidationError("No passkey was made: this needs JavaScript.")
        return answer


class PasskeyNameForm(PageForm):
    """Another name."""

    name = NewPasskeyForm.base_fields["name"]
