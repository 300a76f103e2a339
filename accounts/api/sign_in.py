"""REST API: to sign in and out as a browser does, and what ways in there are.

For pages of this origin: programs send a key, or a password by Basic, with each request.
"""

from typing import Any

from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import policy, sign_in
from accounts.credentials import require_csrf
from accounts.sections import PASSWORD_MOST
from accounts.services.providers import offered
from accounts.sessions import lifecycle
from restai_site.lib.drf import actor_of
from restai_site.lib.errors import Forbidden, Invalid
from restai_site.lib.permissions import IsSignedIn


class OfferedSerializer(serializers.Serializer[Any]):
    """A sign-in provider on the log-in page: a form posts to /sign-in/ and its slug."""

    slug = serializers.CharField()
    name = serializers.CharField()


class WaysInSerializer(serializers.Serializer[Any]):
    """What the log-in page offers."""

    password = serializers.BooleanField(help_text="Whether people may sign in by password.")
    providers = OfferedSerializer(many=True)
    csrf_token = serializers.CharField(help_text="Send it as X-CSRFToken with every write.")
    signed_in = serializers.BooleanField()


class CredentialsSerializer(serializers.Serializer[Any]):
    """An e-mail address and a password."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(
        max_length=PASSWORD_MOST, trim_whitespace=False, write_only=True
    )


class SignedInSerializer(serializers.Serializer[Any]):
    """How far the sign-in has come: `second_factor` says that one is needed first."""

    second_factor = serializers.BooleanField()


class WaysInView(APIView):
    """The ways in that are open, and the CSRF token for those who use one; for everybody."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    http_method_names = ["get", "head", "options"]

    @extend_schema(operation_id="auth_retrieve", responses=WaysInSerializer)
    def get(self, request: Request) -> Response:
        """Read them."""
        plain = browser_of(request)
        ways = {
            "password": policy.takes_passwords(),
            "providers": offered(),
            "csrf_token": get_token(plain),
            "signed_in": lifecycle.store_of(plain).user is not None,
        }
        return Response(WaysInSerializer(ways).data)


class SignInView(APIView):
    """Start a session; the answer sets its cookie. Needs the CSRF token of `GET /api/auth`."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="auth_sign_in", request=CredentialsSerializer, responses=SignedInSerializer
    )
    def post(self, request: Request) -> Response:
        """Sign in."""
        plain = browser_of(request)
        require_csrf(plain)
        given = CredentialsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        checked = sign_in.check_password(**given.validated_data, request=plain)
        sign_in.begin(plain, checked.user, amr=checked.amr, target="/")
        waits = sign_in.pending(plain) is not None
        return Response(SignedInSerializer({"second_factor": waits}).data)


class SignOutView(APIView):
    """End the session."""

    permission_classes = [IsSignedIn]
    http_method_names = ["post", "options"]

    @extend_schema(operation_id="auth_sign_out", request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Sign out; the cookie opens nothing any more."""
        if actor_of(request).session_id is None:
            raise Forbidden("There is no session to end: keys and passwords in headers have none.")
        lifecycle.end(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


def browser_of(request: Request) -> Any:
    """Return Django's request. Raises Invalid where it carries a credential for programs."""
    if not hasattr(request._request, "session"):
        raise Invalid("Send no credential here: this is where browsers sign in.")
    return request._request
