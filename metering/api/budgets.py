"""REST API of budgets."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import ApiKey, User
from metering import services
from metering.amounts import amount_of
from metering.meters import Meter, meters_of
from metering.models import OWNERS, Budget
from projects.models import Project
from restai_site.lib.drf import ModelSerializer, VisibleField
from restai_site.lib.errors import Invalid
from restai_site.lib.filters import IdFilter
from restai_site.lib.viewsets import ServiceViewSet
from teams.models import Team

ONE_OWNER = "Name one team, project, user or API key: whose budget it is."


@extend_schema_field({"type": "string", "format": "decimal", "example": "25.00"})
class AmountField(serializers.Field[Any, Any, str, Any]):
    """US dollars or tokens: a string of digits, or a number that is written so."""

    default_error_messages = {"invalid": "Send a number, or digits in a string."}

    def to_internal_value(self, data: Any) -> str:
        """Return the text: only its budget's unit says what it may be."""
        if isinstance(data, bool) or not isinstance(data, str | int | float):
            self.fail("invalid")
        # More digits than any amount has, and Python refuses to write out.
        if isinstance(data, int) and abs(data) >= 10**18:
            self.fail("invalid")
        return data if isinstance(data, str) else repr(data)

    def to_representation(self, value: Decimal) -> str:
        return f"{value.normalize():f}"


class BudgetSerializer(ModelSerializer):
    """A budget of one team, project, user or key, with what is used of it now.

    Amounts are US dollars or tokens, written out as strings. `reserved` is held by running calls;
    the days and months begin in the time zone of the team, those of users and keys in UTC.
    """

    team = VisibleField(queryset=Team.objects.all(), required=False, allow_null=True)
    project = VisibleField(queryset=Project.objects.all(), required=False, allow_null=True)
    user = VisibleField(queryset=User.objects.all(), required=False, allow_null=True)
    api_key = VisibleField(queryset=ApiKey.objects.all(), required=False, allow_null=True)
    amount = AmountField()
    spent = AmountField(source="meter.spent", read_only=True)
    reserved = AmountField(source="meter.reserved", read_only=True)
    remaining = AmountField(source="meter.left", read_only=True)
    percent = serializers.IntegerField(source="meter.percent", read_only=True)
    is_used_up = serializers.BooleanField(source="meter.is_used_up", read_only=True)
    resets_at = serializers.DateTimeField(source="meter.window.ends_at", read_only=True)

    class Meta:
        model = Budget
        fields = [
            "id",
            *OWNERS,
            "period",
            "unit",
            "amount",
            "spent",
            "reserved",
            "remaining",
            "percent",
            "is_used_up",
            "resets_at",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["created_at", "updated_at"]

    def get_validators(self) -> list[Any]:
        """Return none: whether there is such a budget already is for the database to say."""
        return []

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Read the amount in its unit; a budget has exactly one owner."""
        named = [name for name in OWNERS if attrs.get(name) is not None]
        if len(named) != 1:
            raise serializers.ValidationError(ONE_OWNER)
        try:
            amount = _amount(attrs["amount"], attrs["unit"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"amount": error.detail}) from None
        return {**attrs, "amount": amount, "owner": attrs[named[0]]}


def _amount(text: str, unit: str) -> Decimal:
    try:
        return amount_of(text, unit)
    except Invalid as error:
        raise serializers.ValidationError(error.message) from None


class ChangedBudgetSerializer(serializers.Serializer[Any]):
    """What can be changed of a budget: its amount."""

    amount = AmountField(required=False)

    def validate_amount(self, text: str) -> Decimal:
        """Read the amount in the unit of the budget."""
        return _amount(text, self.instance.unit)  # type: ignore[union-attr]

    def to_representation(self, instance: Any) -> Any:
        """Return the whole budget."""
        return BudgetSerializer(instance, context=self.context).data


class OwnBudgetSerializer(serializers.Serializer[Any]):
    """A budget that calls of the caller count to.

    The amounts are null where they are for those alone who run the team.
    """

    id = serializers.IntegerField(source="budget.pk")
    owner = serializers.ChoiceField(source="budget.owner", choices=OWNERS)
    owner_id = serializers.SerializerMethodField()
    owner_name = serializers.CharField()
    period = serializers.ChoiceField(source="budget.period", choices=Budget.Period.choices)
    unit = serializers.ChoiceField(source="budget.unit", choices=Budget.Unit.choices)
    amount = serializers.SerializerMethodField()
    spent = serializers.SerializerMethodField()
    remaining = serializers.SerializerMethodField()
    is_used_up = serializers.BooleanField()
    resets_at = serializers.DateTimeField(source="window.ends_at")

    def get_owner_id(self, meter: Meter) -> int:
        """Return the id of the team, project, user or key."""
        return int(getattr(meter.budget, f"{meter.budget.owner}_id"))

    def get_amount(self, meter: Meter) -> str | None:
        """Return the amount where it may be seen."""
        return _shown(meter, meter.budget.amount)

    def get_spent(self, meter: Meter) -> str | None:
        """Return what is spent where it may be seen."""
        return _shown(meter, meter.spent)

    def get_remaining(self, meter: Meter) -> str | None:
        """Return what is left where it may be seen."""
        return _shown(meter, meter.left)


def _shown(meter: Meter, amount: Decimal) -> str | None:
    shows: bool = meter.budget.shows_amounts  # type: ignore[attr-defined]
    return f"{amount.normalize():f}" if shows else None


class BudgetFilter(filters.FilterSet):  # type: ignore[misc]
    """By whom it is for, and what it counts."""

    team = IdFilter(field_name="team_id")
    project = IdFilter(field_name="project_id")
    user = IdFilter(field_name="user_id")
    api_key = IdFilter(field_name="api_key_id")
    period = filters.ChoiceFilter(choices=Budget.Period.choices)
    unit = filters.ChoiceFilter(choices=Budget.Unit.choices)


@extend_schema_view(
    partial_update=extend_schema(request=ChangedBudgetSerializer, responses={200: BudgetSerializer})
)
class BudgetViewSet(ServiceViewSet):
    """Budgets. Platform administrators set all, team admins those of their projects, owners those
    of their keys; whoever is limited by name sees how much is left.
    """

    queryset = Budget.objects.with_owners()
    filterset_class = BudgetFilter
    lookup_url_kwarg = "budget_id"
    lookup_value_converter = "int"

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ChangedBudgetSerializer if self.action == "partial_update" else BudgetSerializer

    def paginate_queryset(self, queryset: Any) -> Any:
        """Return the page with what is used of each budget on it, by one more query."""
        return _metered(super().paginate_queryset(queryset) or [])

    def get_object(self) -> Any:
        """Return the budget with what is used of it."""
        return _metered([super().get_object()])[0]

    def perform_create(self, serializer: Any) -> None:
        values = serializer.validated_data
        given = {name: values[name] for name in ("period", "unit", "amount")}
        budget = services.create_budget(values["owner"], **given, actor=self.actor)
        serializer.instance = _metered([budget])[0]

    def perform_update(self, serializer: Any) -> None:
        budget = serializer.instance
        amount = serializer.validated_data.get("amount", budget.amount)
        budget = services.change_budget(budget, amount=amount, actor=self.actor)
        serializer.instance = _metered([budget])[0]

    def perform_destroy(self, instance: Any) -> None:
        services.remove_budget(instance, actor=self.actor)

    @extend_schema(responses=OwnBudgetSerializer(many=True), filters=False)
    @action(detail=False, filterset_class=None)
    def mine(self, request: Request) -> Response:
        """Budgets that calls of the caller count to, with what is left where that may be seen."""
        rows: QuerySet[Any] = Budget.objects.applying_to(self.actor).with_owners().order_by("pk")
        page: list[Any] = super().paginate_queryset(rows) or []
        shown = OwnBudgetSerializer(meters_of(page), many=True)
        return self.get_paginated_response(shown.data)


def _metered(budgets: Sequence[Any]) -> list[Any]:
    for meter in meters_of(budgets):
        meter.budget.meter = meter  # type: ignore[attr-defined]
    return list(budgets)
