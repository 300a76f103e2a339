"""Form fields that take a secret and never show it."""

from typing import Any

from django import forms


class SecretWidget(forms.PasswordInput):
    """An input that is always empty when the page comes."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "off", **(attrs or {})}, render_value=False)


class _Secret(forms.Field):
    """Empty means unchanged: the stored secret is never in the page to be sent back."""

    def __init__(self, **kwargs: Any) -> None:
        if not isinstance(kwargs.get("widget"), SecretWidget):
            kwargs["widget"] = SecretWidget()
        super().__init__(**kwargs)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Tell whether something was entered."""
        return data not in self.empty_values


class SecretTextFormField(_Secret, forms.CharField):
    """Takes a secret text."""


class SecretJSONFormField(_Secret, forms.JSONField):
    """Takes a secret JSON value."""
