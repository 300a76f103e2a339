"""Doors of the REST API."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from restai_site.lib.actor import Actor


class IsSignedIn(BasePermission):
    """Lets in whoever the resolver knows."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Actor)


class IsPlatformAdmin(BasePermission):
    """Lets in platform administrators."""

    message = "Only platform administrators may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Actor) and request.auth.is_platform_admin
