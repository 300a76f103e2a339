"""`/api/guards/events`: what guards found, and what people say of it."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from guards.findings import shown
from guards.models import GuardEvent
from guards.models.events import CATEGORY_MAX_LENGTH, DETECTOR_MAX_LENGTH, NOTE_MAX_LENGTH
from guards.querysets import GuardEventQuerySet
from guards.reviewing import review, withdraw_review
from restai_site.lib.drf import ModelSerializer, NewestFirstCursor
from restai_site.lib.filters import IdFilter
from restai_site.lib.viewsets import READ, ReadViewSet


class NewestFindingsCursor(NewestFirstCursor):
    """The same, for rows whose ids say nothing of when they were written."""

    ordering = ("-created_at", "-id")  # type: ignore[assignment]  # the framework takes either

    def decode_cursor(self, request: Request) -> Any:
        """Return the cursor; refuses one whose position is no moment."""
        cursor = super(NewestFirstCursor, self).decode_cursor(request)
        position: Any = cursor.position if cursor else None
        if position is not None and not _is_moment(position):
            raise exceptions.NotFound(self.invalid_cursor_message)
        return cursor


def _is_moment(text: str) -> bool:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return False
    return moment is not None and moment.tzinfo is not None


class GuardEventFilter(filters.FilterSet):  # type: ignore[misc]
    """By place, guard, outcome, what was found, review, and when."""

    project = IdFilter(field_name="project_id")
    team = IdFilter(field_name="team_id")
    guard = IdFilter(field_name="guard_id", help_text="The project that judged.")
    binding = IdFilter(field_name="binding_id", help_text="The place where the guard stood.")
    detector = filters.CharFilter(max_length=DETECTOR_MAX_LENGTH)
    stage = filters.ChoiceFilter(choices=GuardEvent.Stage.choices)
    outcome = filters.MultipleChoiceFilter(choices=GuardEvent.Outcome.choices)
    category = filters.CharFilter(max_length=CATEGORY_MAX_LENGTH)
    review = filters.ChoiceFilter(choices=GuardEvent.Review.choices)
    reviewed = filters.BooleanFilter(method="by_whether_reviewed")
    since = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")

    def by_whether_reviewed(
        self, rows: QuerySet[Any], name: str, value: bool | None
    ) -> QuerySet[Any]:
        """Narrow to those that are reviewed, or are not."""
        return rows.filter(~Q(review="") if value else Q(review=""))


class GuardEventSerializer(ModelSerializer):
    """What one guard said of one stage of one call.

    `text` and `reason` are empty where the project keeps nothing of what is said.
    """

    text = serializers.CharField(source="kept_text", read_only=True)
    reason = serializers.CharField(source="kept_reason", read_only=True)

    class Meta:
        model = GuardEvent
        fields = [
            *("id", "created_at", "call_id", "project", "team"),
            *("binding", "guard", "guard_name", "detector", "stage", "mode", "outcome"),
            *("category", "score", "reason", "failure", "checks", "latency_ms", "is_cached"),
            *("text", "review", "review_note", "reviewed_by", "reviewed_at"),
        ]
        read_only_fields = fields


class ReviewSerializer(serializers.Serializer[Any]):
    """Whether the guard was right. Of what passed, wrong means: something should be found."""

    review = serializers.ChoiceField(choices=GuardEvent.Review.choices)
    note = serializers.CharField(
        max_length=NOTE_MAX_LENGTH, required=False, allow_blank=True, default=""
    )


class GuardEventViewSet(ReadViewSet):
    """Findings, newest first: of editable projects, of teams that one runs."""

    queryset = GuardEvent.objects.all()
    serializer_class = GuardEventSerializer
    filterset_class = GuardEventFilter
    pagination_class = NewestFindingsCursor
    lookup_url_kwarg = "event_id"
    lookup_value_converter = "uuid"
    http_method_names = [*READ, "post", "delete"]

    def visible(self, rows: GuardEventQuerySet) -> QuerySet[Any]:
        """Narrow to what the actor may see, and add the texts that may be shown."""
        return shown(rows.visible_to(self.actor))

    @extend_schema(request=ReviewSerializer, responses=GuardEventSerializer)
    @action(detail=True, methods=["post"])
    def review(self, request: Request, event_id: str) -> Response:
        """Say that the guard was right or wrong, in place of what was said before.

        409 where it gave no judgement.
        """
        event = self.get_object()
        said = ReviewSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        values = said.validated_data
        review(event, verdict=values["review"], note=values["note"], actor=self.actor)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={204: None})
    @review.mapping.delete
    def withdraw_review(self, request: Request, event_id: str) -> Response:
        """Take back what was said of the guard, whoever said it."""
        withdraw_review(self.get_object(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
