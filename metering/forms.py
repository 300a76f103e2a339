"""Forms of this app's pages. They validate; services save."""

from decimal import Decimal
from typing import Any

from django import forms

from metering.amounts import amount_of
from metering.models import Budget
from restai_site.lib.errors import Invalid
from restai_site.ui.forms import PageForm

NUMBER = {"inputmode": "decimal", "autocomplete": "off"}


class NewBudgetForm(PageForm):
    """What a budget counts, for how long, and how much it is."""

    period = forms.ChoiceField(label="For", choices=Budget.Period.choices, initial="month")
    unit = forms.ChoiceField(label="Counted in", choices=Budget.Unit.choices)
    amount = forms.CharField(
        label="Amount",
        max_length=30,
        strip=False,
        help_text="In digits, such as 25 or 0.50; 0 stops all calls.",
        widget=forms.TextInput(attrs=NUMBER),
    )

    def clean(self) -> dict[str, Any]:
        """Read the amount in its unit."""
        values: dict[str, Any] = super().clean() or {}
        if "amount" in values and "unit" in values:
            values["amount"] = _amount(self, values["amount"], values["unit"])
        return values


class AmountForm(PageForm):
    """Another amount for a budget."""

    amount = forms.CharField(
        label="Amount", max_length=30, strip=False, widget=forms.TextInput(attrs=NUMBER)
    )

    def __init__(self, *args: Any, budget: Budget, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"amount": f"{budget.amount.normalize():f}"})
        super().__init__(*args, **kwargs)
        self._unit = budget.unit
        self.fields[
            "amount"
        ].help_text = f"{budget.get_unit_display()}, in digits. What is spent stays counted."

    def clean(self) -> dict[str, Any]:
        """Read the amount."""
        values: dict[str, Any] = super().clean() or {}
        if "amount" in values:
            values["amount"] = _amount(self, values["amount"], self._unit)
        return values


def _amount(form: forms.Form, text: str, unit: str) -> Decimal:
    try:
        return amount_of(text, unit)
    except Invalid as error:
        form.add_error("amount", error.message)
        return Decimal(0)
