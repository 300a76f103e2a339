"""REST API of sessions and of acting as somebody else."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import user_behind
from accounts.models import Session, User
from accounts.services import impersonation
from accounts.sessions import lifecycle
from restai_site.lib.drf import ModelSerializer, actor_of
from restai_site.lib.errors import Forbidden
from restai_site.lib.permissions import IsSignedIn
from restai_site.lib.viewsets import ScopedView


class SessionSerializer(ModelSerializer):
    """A session; `device` and `place` in words."""

    device = serializers.CharField(read_only=True)
    place = serializers.CharField(read_only=True)
    is_current = serializers.SerializerMethodField()
    impersonator = serializers.CharField(source="impersonator.email", default=None)

    class Meta:
        model = Session
        fields = [
            "id",
            "device",
            "place",
            "amr",
            "created_at",
            "last_seen_at",
            "expires_at",
            "is_current",
            "impersonator",
        ]

    def get_is_current(self, row: Session) -> bool:
        """Whether it is the session that asks."""
        return bool(row.pk == self.context["request"].auth.session_id)


class SessionViewSet(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    ScopedView,
    viewsets.GenericViewSet[Session],
):
    """One's own sessions; deleting one ends it at its next request. Not for keys."""

    queryset = Session.objects.select_related("impersonator").order_by("-last_seen_at", "id")
    serializer_class = SessionSerializer
    filterset_fields: list[str] = []
    http_method_names = ["get", "head", "options", "delete"]
    lookup_url_kwarg = "session_id"
    lookup_value_converter = "uuid"

    def visible(self, rows: Any) -> QuerySet[Any]:
        """One's own alone, whatever the role: those of others are ended from the page Users."""
        found: QuerySet[Any] = super().visible(rows).filter(user_id=self.actor.own_id)
        return found

    def perform_destroy(self, instance: Session) -> None:
        lifecycle.end_one(instance, actor=self.actor)


class EndOtherSessionsView(APIView):
    """Log out everywhere else."""

    permission_classes = [IsSignedIn]
    http_method_names = ["post", "options"]

    @extend_schema(operation_id="auth_sessions_end_others", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End all of one's sessions but this one."""
        actor = actor_of(request)
        lifecycle.end_others(user_behind(actor), actor=actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ImpersonationBodySerializer(serializers.Serializer[Any]):
    """Whom to act as, and why."""

    user = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    reason = serializers.CharField(max_length=impersonation.REASON_MOST)


class ImpersonationView(APIView):
    """Act as somebody else; for platform administrators in a session of their own."""

    permission_classes = [IsSignedIn]
    http_method_names = ["post", "delete", "options"]

    @extend_schema(
        operation_id="auth_impersonation_begin",
        request=ImpersonationBodySerializer,
        responses={204: None},
    )
    def post(self, request: Request) -> Response:
        """Begin; the answer sets the cookie of the new session, for 30 minutes at most."""
        actor = actor_of(request)
        if not actor.is_platform_admin:
            raise Forbidden("Only platform administrators may do this.")
        given = ImpersonationBodySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = get_object_or_404(User.objects.visible_to(actor), pk=given.validated_data["user"])
        reason = given.validated_data["reason"]
        impersonation.begin(request._request, user, reason=reason, actor=actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(operation_id="auth_impersonation_end", request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """End it, and go on as oneself."""
        impersonation.end(request._request, actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
