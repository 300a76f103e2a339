"""Doors of the REST API."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from restai_site.lib.actor import Actor

if TYPE_CHECKING:
    # The framework imports this module while it is itself being imported.
    from rest_framework.views import APIView


class IsSignedIn(BasePermission):
    """Lets in whoever the resolver knows."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, Actor)


class IsPlatformAdmin(BasePermission):
    """Lets in platform administrators."""

    message = "Only platform administrators may do this."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, Actor) and request.auth.is_platform_admin
