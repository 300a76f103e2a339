"""REST API of the tie between a user and an entry of the directory."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.ldap import services
from accounts.models import LdapAccount, User
from restai_site.lib.drf import ModelSerializer
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ScopedView


class LdapAccountSerializer(ModelSerializer):
    """Which entry of the directory a user is."""

    class Meta:
        model = LdapAccount
        fields = ["dn", "unique_id", "linked_at", "last_seen"]
        read_only_fields = fields


class LdapLoginSerializer(serializers.Serializer[Any]):
    """How an entry of the directory is found."""

    login = serializers.CharField(
        max_length=254, help_text="What its owner types to sign in; exactly one entry must fit."
    )


class LdapAccountView(ScopedView, generics.GenericAPIView[User]):
    """Which entry of the directory a user is; for platform administrators.

    Linking removes the local password and ends the user's sessions. Links are made and undone by
    people who are signed in, not by keys.
    """

    queryset = User.objects.order_by("id")
    permission_classes = [IsSignedIn, IsPlatformAdmin]
    serializer_class = LdapAccountSerializer
    http_method_names = [*READ, "put", "delete"]
    lookup_url_kwarg = "user_id"

    def get(self, request: Request, user_id: int) -> Response:
        """The entry; 404 where the user signs in by other means."""
        account = get_object_or_404(LdapAccount, user=self.get_object())
        return Response(self.get_serializer(account).data)

    @extend_schema(request=LdapLoginSerializer, responses=LdapAccountSerializer)
    def put(self, request: Request, user_id: int) -> Response:
        """Link the user to the entry that fits; they sign in by the directory alone then."""
        given = LdapLoginSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        login = given.validated_data["login"]
        account = services.link(self.get_object(), login=login, actor=self.actor)
        return Response(self.get_serializer(account).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: int) -> Response:
        """Undo the link; the user has no way in until they get another one."""
        services.unlink(self.get_object(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
