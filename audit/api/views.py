"""REST API of the audit trail. Nothing of it changes an entry."""

from typing import Any

from rest_framework import mixins
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from audit import verifications
from audit.api.filters import EntryFilter
from audit.api.serializers import EntrySerializer, VerificationSerializer
from audit.models import Entry, Verification
from audit.readers import may_read
from restai_site.lib.actor import Actor
from restai_site.lib.drf import NewestFirstCursor
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ReadViewSet


class MayReadTrail(BasePermission):
    """Lets in platform administrators, and team admins where the platform allows it."""

    message = "Only platform administrators may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Actor) and may_read(request.auth)


class EntryViewSet(ReadViewSet):
    """The audit trail, newest first; for platform administrators.

    Team admins see what was done in their teams, where the platform allows it.
    """

    queryset = Entry.objects.all()
    serializer_class = EntrySerializer
    permission_classes = [IsSignedIn, MayReadTrail]
    filterset_class = EntryFilter
    pagination_class = NewestFirstCursor
    lookup_url_kwarg = "entry_id"
    lookup_value_converter = "int"


class VerificationViewSet(mixins.CreateModelMixin, ReadViewSet):
    """Verifications of the trail, newest first; a POST asks for one. For platform administrators.

    While one is running a POST answers with that.
    """

    queryset = Verification.objects.all()
    serializer_class = VerificationSerializer
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    pagination_class = NewestFirstCursor
    http_method_names = [*READ, "post"]
    lookup_url_kwarg = "verification_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Have the trail verified in the background."""
        serializer.instance = verifications.ask(actor=self.actor)
