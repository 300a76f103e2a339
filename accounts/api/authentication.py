"""Lets the REST framework ask the one resolver."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.credentials import resolve
from restai_site.lib.actor import Actor


class ActorAuthentication(BaseAuthentication):
    """Sets `request.auth` to the Actor."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Actor] | None:
        actor = resolve(request._request)
        return (AnonymousUser(), actor) if actor else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'
