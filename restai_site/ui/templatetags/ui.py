"""The components of the pages. This library knows no app."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms, template
from django.template.defaultfilters import date as format_date
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from restai_site.lib.posture import State

register = template.Library()

SPRITE = "vendor/tabler-icons/sprite.svg"
NOTHING = "\N{EN DASH}"
POSTURE_LOOKS = {
    State.CRITICAL: ("alert-circle", "danger"),
    State.WARNING: ("alert-triangle", "warning"),
    State.UNKNOWN: ("help-circle", "neutral"),
    State.ADVICE: ("info-circle", "info"),
    State.GOOD: ("circle-check", "success"),
}
TONES = {"success", "danger", "warning", "info", "neutral"}
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@register.simple_tag
def icon(name: str, css_class: str = "") -> SafeString:
    """Draw an icon of the sprite; it is decoration, so the text beside it must say it all."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        css_class,
        static(SPRITE),
        name,
    )


@register.simple_tag
def badge(text: str, tone: str = "neutral") -> SafeString:
    """Draw a status: a word on a tinted ground. `tone` is one of TONES."""
    if tone not in TONES:
        raise template.TemplateSyntaxError(f"badge knows no tone {tone!r}")
    return format_html('<span class="status status-{}">{}</span>', tone, text)


@register.simple_tag
def posture_badge(state: State) -> SafeString:
    """Draw how a check of the security posture came out: a word, an icon and a ground."""
    symbol, tone = POSTURE_LOOKS[state]
    return format_html(
        '<span class="status status-{}">{}{}</span>', tone, icon(symbol), state.capitalize()
    )


@register.simple_tag
def copy_button(target_id: str, label: str = "Copy") -> SafeString:
    """Draw a button that copies the text of the element with `target_id`."""
    return format_html(
        '<button type="button" class="btn btn-copy" data-copy="{}">{}<span>{}</span></button>',
        target_id,
        icon("copy"),
        label,
    )


@register.inclusion_tag("ui/field.html")
def field(bound: forms.BoundField, autofocus: bool = False) -> dict[str, Any]:
    """Draw a form field: label above, errors and help below, tied together for screen readers."""
    widget = bound.field.widget
    is_checkbox = isinstance(widget, forms.CheckboxInput)
    is_group = isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple)
    help_id, error_id = f"{bound.auto_id}-help", f"{bound.auto_id}-error"
    locked_by = getattr(bound.field, "locked_by", "")
    described = [error_id] * bool(bound.errors) + [help_id] * bool(bound.help_text or locked_by)
    # Django puts the class of a group on the element around it as well.
    attributes: dict[str, Any] = {} if is_group else {"class": _css_class(widget)}
    if described and not is_group:
        attributes["aria-describedby"] = " ".join(described)
    if bound.errors:
        attributes["aria-invalid"] = "true"
    if autofocus:
        attributes["autofocus"] = True
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attributes),
        "errors": bound.errors,
        "is_checkbox": is_checkbox,
        "is_group": is_group,
        "locked_by": locked_by,
        "help_id": help_id,
        "error_id": error_id,
        "described_by": " ".join(described),
    }


def _css_class(widget: forms.Widget) -> str:
    own = str(widget.attrs.get("class", ""))
    if isinstance(widget, forms.CheckboxInput):
        return f"check {own}".strip()
    base = "form-select" if isinstance(widget, forms.Select) else "form-control"
    return f"{base} {own}".strip()


@register.inclusion_tag("ui/errors.html")
def form_errors(form: forms.BaseForm) -> dict[str, Any]:
    """Draw the summary of what is wrong with a form, each line a link to its field."""
    entries: list[dict[str, Any]] = [
        {"field": None, "message": message} for message in form.non_field_errors()
    ]
    entries += [{"field": bound, "message": message} for bound in form for message in bound.errors]
    return {"form": form, "entries": entries, "count": len(entries)}


@register.inclusion_tag("ui/confirm.html", takes_context=True)
def confirm(  # noqa: PLR0917 - arguments of a tag go by place
    context: template.Context,
    id: str,  # noqa: A002 - reads as the attribute it becomes
    title: str,
    text: str,
    action: str,
    label: str,
    typed: str = "",
    suffix: object = "",
) -> dict[str, Any]:
    """Draw a dialog that asks before it posts to `action`; opened by `command="show-modal"`.

    Its id is `id`, and `suffix` where a page has several. `typed` is what must be typed first.
    """
    return {
        "id": f"{id}-{suffix}" if suffix else id,
        "title": title,
        "text": text,
        "action": action,
        "label": label,
        "typed": typed,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("ui/sort_header.html", takes_context=True)
def sort_header(
    context: template.Context,
    table: Any,
    key: str,
    label: str,
    numeric: bool = False,
) -> dict[str, Any]:
    """Draw a column head that sorts by `key`, or turns the order round."""
    direction = {key: "ascending", f"-{key}": "descending"}.get(table.sort, "")
    parameters = context["request"].GET.copy()
    parameters.pop("page", None)
    parameters["sort"] = f"-{key}" if direction == "ascending" else key
    return {
        "label": label,
        "url": f"?{parameters.urlencode()}",
        "direction": direction,
        "numeric": numeric,
    }


@register.simple_tag
def when(moment: datetime | None, never: str = "never") -> SafeString | str:
    """Draw a moment as people say it, with the exact time behind it."""
    if moment is None:
        return never
    exact = format_date(timezone.localtime(moment), "j M Y, H:i")
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>', moment.isoformat(), exact, _spoken(moment)
    )


def _spoken(moment: datetime) -> str:
    age = timezone.now() - moment
    if age < timedelta(0):
        return format_date(moment, "j M Y")
    if age < MINUTE:
        return "just now"
    if age < HOUR:
        return f"{age // MINUTE} min ago"
    if age < DAY:
        return f"{age // HOUR} h ago"
    return "yesterday" if age < 2 * DAY else format_date(moment, "j M Y")


@register.filter
def initials(name: str) -> str:
    """Return one or two letters that stand for a name."""
    words = re.findall(r"\w+", name)
    letters = (words[0][0] + (words[1][0] if len(words) > 1 else "")) if words else "?"
    return letters.upper()


@register.filter
def compact(number: float | None) -> str:
    """Return a count in a few characters: 950, 12.3 k, 4.5 M."""
    if number is None:
        return NOTHING
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.1f}".removesuffix(".0") + f" {unit}"
    return f"{number:g}"


@register.filter
def money(amount: Decimal | float | None) -> str:
    """Return an amount in US dollars, with more places the smaller it is."""
    if amount is None:
        return NOTHING
    value = Decimal(amount)
    places = 2 if abs(value) >= 1 or value == 0 else 4 if abs(value) >= Decimal("0.001") else 6
    whole, _, fraction = f"{value:,.{places}f}".partition(".")
    return f"${whole}.{fraction[:2]}{fraction[2:].rstrip('0')}"


@register.filter
def milliseconds(value: float | None) -> str:
    """Return a duration: 840 ms, 2.3 s."""
    if value is None:
        return NOTHING
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


@register.filter
def share(value: float | None) -> str:
    """Return a share, from 0 to 1, as a percentage."""
    if value is None:
        return NOTHING
    return f"{value * 100:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"


@register.filter
def tile(number: int) -> str:
    """Return the class that gives a thing one of five colours, always the same."""
    return f"tile-{number % 5}"


@register.filter
def first_word(text: str) -> str:
    """Return the first word, for greetings."""
    return text.split(maxsplit=1)[0] if text.strip() else text


@register.filter
def first_part(text: str) -> str:
    """Return what stands before a colon, where a choice also explains itself."""
    return text.partition(":")[0]
