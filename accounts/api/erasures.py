"""REST API of erasures: people whose name goes from the audit trail."""

from typing import Any

from rest_framework import mixins, serializers
from rest_framework.permissions import BasePermission
from rest_framework.serializers import BaseSerializer

from accounts.models import User
from accounts.services import erase_deleted, erase_user
from audit.models import Erasure
from restai_site.lib.drf import ModelSerializer, NewestFirstCursor
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ReadViewSet

PERMISSIONS: list[type[BasePermission]] = [IsSignedIn, IsPlatformAdmin]


class ErasureSerializer(ModelSerializer):
    """Somebody whose place in the trail a pseudonym takes. `reached` of `last` entries are done."""

    user_id = serializers.IntegerField(source="subject_id", min_value=1, max_value=2**63 - 1)

    class Meta:
        model = Erasure
        fields = [
            *("id", "user_id", "pseudonym", "asked_by", "asked_at", "reached", "last"),
            *("entries", "finished_at"),
        ]
        read_only_fields = [name for name in fields if name != "user_id"]


class ErasureViewSet(mixins.CreateModelMixin, ReadViewSet):
    """Erasures, newest first; for platform administrators.

    A POST deletes the account with this number, where it is still there, and has its name and
    addresses go from the audit trail in the background.
    """

    queryset = Erasure.objects.all()
    serializer_class = ErasureSerializer
    permission_classes = PERMISSIONS
    pagination_class = NewestFirstCursor
    http_method_names = [*READ, "post"]
    lookup_url_kwarg = "erasure_id"
    lookup_value_converter = "int"

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Erase somebody."""
        user_id = serializer.validated_data["subject_id"]
        user = User.objects.filter(pk=user_id).first()
        erase: Any = erase_user if user else erase_deleted
        serializer.instance = erase(user or user_id, actor=self.actor)
