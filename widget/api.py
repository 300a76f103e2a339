"""REST API of the widgets of a project, for its editors."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from metering.api.analytics import PeriodSerializer, period_told
from metering.spans import DEFAULT_PERIOD, period_of, periods
from projects.api.views import OfProject
from restai_site.lib.drf import ModelSerializer
from restai_site.lib.emblem_field import EmblemField
from widget import services
from widget.forgetting import forget_visitor
from widget.identity import SUBJECT_MAX_LENGTH
from widget.models import Feedback, Widget
from widget.numbers import Numbers

NO_STORE = {"Cache-Control": "no-store"}
NEWEST_FIRST = ("-created_at", "-id")
FIELDS = ("name", "is_paused", "allowed_origins", *services.LOOKS, *services.LIMITS)


class WidgetSerializer(ModelSerializer):
    """A widget. Websites that are not in `allowed_origins` may not use it; a new one has none."""

    allowed_origins = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False
    )
    starters = serializers.ListField(child=serializers.CharField(max_length=120), required=False)
    picture = EmblemField(write=services.picture_from)
    has_picture = serializers.SerializerMethodField()
    key_prefix = serializers.CharField(source="key.prefix", read_only=True, default="")
    key_expires_at = serializers.DateTimeField(
        source="key.expires_at", read_only=True, default=None
    )

    class Meta:
        model = Widget
        fields = [
            *("id", "public_id", *FIELDS, "picture", "has_picture", "key_prefix"),
            *("key_expires_at", "created_at", "updated_at"),
        ]
        read_only_fields = ["public_id", "created_at", "updated_at"]

    def get_has_picture(self, row: Widget) -> bool:
        return bool(row.picture)


class NewWidgetSerializer(WidgetSerializer):
    """The answer to making a widget or its key: the only time that the key is shown."""

    key = serializers.CharField(source="plaintext", read_only=True)

    class Meta(WidgetSerializer.Meta):
        fields = [*WidgetSerializer.Meta.fields, "key"]


class RenewalSerializer(serializers.Serializer[Any]):
    """For how many hours the key so far works beside the new one."""

    overlap_hours = serializers.IntegerField(min_value=0, max_value=168, default=24)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class IdentitySecretSerializer(serializers.Serializer[Any]):
    """A secret by which the website's server says who visitors are; shown this once."""

    secret = serializers.CharField(read_only=True)


class ForgettingSerializer(serializers.Serializer[Any]):
    """What the website calls a visitor: the claim `sub` of its tokens."""

    subject = serializers.CharField(max_length=SUBJECT_MAX_LENGTH, trim_whitespace=False)


class ForgottenSerializer(serializers.Serializer[Any]):
    """What went."""

    conversations = serializers.IntegerField()


class NumbersQuerySerializer(serializers.Serializer[Any]):
    """What the numbers are of."""

    period = serializers.ChoiceField([one.key for one in periods()], default=DEFAULT_PERIOD)


class CountsSerializer(serializers.Serializer[Any]):
    """Sums of a stretch of time. Cost is in US dollars, that of guards included."""

    new_visitors = serializers.IntegerField()
    conversations = serializers.IntegerField(help_text="That were begun.")
    messages = serializers.IntegerField()
    blocked = serializers.IntegerField(help_text="Messages, by guards.")
    unanswered = serializers.IntegerField(help_text="Messages, through a fault.")
    cost = serializers.DecimalField(max_digits=30, decimal_places=12)


class BucketCountsSerializer(CountsSerializer):
    """The sums of one hour or day (UTC)."""

    starts_at = serializers.DateTimeField()


class NumbersSerializer(serializers.Serializer[Any]):
    """What a widget has done."""

    as_of = serializers.DateTimeField(
        allow_null=True, help_text="Until when messages and cost are counted."
    )
    period = PeriodSerializer()
    visitors = serializers.IntegerField(help_text="New ones and others.")
    helpful = serializers.IntegerField(help_text="Answers that visitors found so.")
    unhelpful = serializers.IntegerField()
    totals = CountsSerializer()
    series = BucketCountsSerializer(many=True)


class FeedbackSerializer(ModelSerializer):
    """What a visitor thinks of an answer. `conversation_id` is null once that is gone."""

    conversation_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = Feedback
        fields = ["id", "message_id", "conversation_id", "is_helpful", "reason", "created_at"]
        read_only_fields = fields


class FeedbackViewSet(OfProject):
    """What visitors of a widget think of answers, newest first; for editors of the project."""

    queryset = Feedback.objects.all()
    serializer_class = FeedbackSerializer
    filterset_fields = ["is_helpful"]

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return Feedback.objects.none()
        widgets = Widget.objects.visible_to(self.actor).filter(project=self.project)
        widget = get_object_or_404(widgets, pk=self.kwargs["widget_id"])
        rows = Feedback.objects.visible_to(self.actor).filter(widget=widget)
        return rows.in_conversations().order_by(*NEWEST_FIRST)


class WidgetViewSet(OfProject):
    """The widgets of a project; for its editors. Keys are made by people who are signed in."""

    queryset = Widget.objects.select_related("key", "project").order_by("name", "id")
    serializer_class = WidgetSerializer
    filterset_fields = ["name"]
    lookup_url_kwarg = "widget_id"

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        # The schema is drawn without a request.
        return rows if getattr(self, "swagger_fake_view", False) else self.visible(rows)

    @extend_schema(responses={201: NewWidgetSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make a widget; answers its key, this once."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        widget, key = self._make(dict(serializer.validated_data))
        return self._shown_once(widget, key, status.HTTP_201_CREATED)

    @transaction.atomic
    def _make(self, values: dict[str, Any]) -> tuple[Widget, str]:
        widget, key = services.create_widget(
            self.project,
            name=values.pop("name"),
            allowed_origins=values.pop("allowed_origins", []),
            actor=self.actor,
        )
        return self._with(widget, values), key

    @transaction.atomic
    def perform_update(self, serializer: Any) -> None:
        serializer.instance = self._with(serializer.instance, dict(serializer.validated_data))

    def _with(self, widget: Widget, values: dict[str, Any]) -> Widget:
        """Return the widget with all of `values`, the picture among them."""
        if "picture" in values:
            widget = services.set_picture(widget, values.pop("picture"), actor=self.actor)
        return services.update_widget(widget, values, actor=self.actor) if values else widget

    def perform_destroy(self, instance: Widget) -> None:
        services.delete_widget(instance, actor=self.actor)

    @extend_schema(request=RenewalSerializer, responses={200: NewWidgetSerializer})
    def key(self, request: Request, project_id: int, widget_id: int) -> Response:
        """Give the widget a new key; answers it, this once."""
        widget = self.get_object()
        asked = RenewalSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        widget, key = services.renew_key(
            widget,
            overlap=timedelta(hours=asked.validated_data["overlap_hours"]),
            expires_at=asked.validated_data["expires_at"],
            actor=self.actor,
        )
        return self._shown_once(widget, key, status.HTTP_200_OK)

    @extend_schema(request=None, responses={200: IdentitySecretSerializer})
    def identity(self, request: Request, project_id: int, widget_id: int) -> Response:
        """Make a new secret for known visitors; answers it, this once. The one before is void."""
        _, secret = services.renew_identity_secret(self.get_object(), actor=self.actor)
        return Response({"secret": secret}, headers=NO_STORE)

    @extend_schema(request=ForgettingSerializer, responses={200: ForgottenSerializer})
    def forget(self, request: Request, project_id: int, widget_id: int) -> Response:
        """Delete what a known visitor has said, and that they were here."""
        asked = ForgettingSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        subject = asked.validated_data["subject"]
        count = forget_visitor(self.get_object(), subject, actor=self.actor)
        return Response({"conversations": count})

    @extend_schema(parameters=[NumbersQuerySerializer], responses={200: NumbersSerializer})
    def numbers(self, request: Request, project_id: int, widget_id: int) -> Response:
        """Visitors, conversations, messages, opinions and cost, of a period and each day of it."""
        asked = NumbersQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = Numbers(self.get_object(), period_of(asked.validated_data["period"]))
        content = {
            "as_of": found.as_of,
            "period": period_told(found.period),
            "visitors": found.visitors,
            **found.judged,
            "totals": found.totals,
            "series": [{"starts_at": at, **asdict(counts)} for at, counts in found.series],
        }
        return Response(NumbersSerializer(content).data)

    def _shown_once(self, widget: Widget, key: str, code: int) -> Response:
        widget.plaintext = key  # type: ignore[attr-defined]
        answer = NewWidgetSerializer(widget, context=self.get_serializer_context())
        return Response(answer.data, status=code, headers=NO_STORE)
