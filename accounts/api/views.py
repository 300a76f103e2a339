"""REST API of the caller."""

from typing import Any

from rest_framework import generics

from accounts.actors import user_behind
from accounts.api.serializers import MeSerializer
from accounts.models import User
from accounts.services import update_user
from restai_site.lib.viewsets import READ, ScopedView


class MeView(ScopedView, generics.RetrieveUpdateAPIView[User]):
    """The caller: read, or change the own name and theme (signed in; not by an API key)."""

    queryset = User.objects.all()
    serializer_class = MeSerializer
    http_method_names = [*READ, "patch"]

    def get_object(self) -> User:
        return user_behind(self.actor)

    def perform_update(self, serializer: Any) -> None:
        serializer.instance = update_user(
            serializer.instance, serializer.validated_data, actor=self.actor
        )
