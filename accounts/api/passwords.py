"""REST API of one's own password and e-mail address, and of forgotten passwords."""

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, EmailField, Serializer
from rest_framework.views import APIView

from accounts import services
from accounts.actors import user_behind
from accounts.confirmation import confirming
from accounts.forgotten import ask_for_reset, refuse_where_closed
from accounts.models import User
from accounts.sessions import lifecycle
from restai_site.lib.drf import actor_of
from restai_site.lib.errors import Forbidden

TEXT_MAX = 1024


class ResetRequestSerializer(Serializer[User]):
    """Whose password was forgotten."""

    email = EmailField(max_length=254)


class PasswordChangeSerializer(Serializer[User]):
    """A new password and the current one."""

    current_password = CharField(max_length=TEXT_MAX, trim_whitespace=False)
    password = CharField(max_length=TEXT_MAX, trim_whitespace=False)


class EmailChangeSerializer(Serializer[User]):
    """A new address and the current password."""

    email = EmailField(max_length=254)
    current_password = CharField(max_length=TEXT_MAX, trim_whitespace=False)


class PasswordResetView(APIView):
    """Asks for a link to a new password; the answer is the same for every address."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=ResetRequestSerializer, responses={202: None}, auth=[])
    def post(self, request: Request) -> Response:
        """Mail a link to the address, if it belongs to somebody who signs in by a password."""
        refuse_where_closed()
        serializer = ResetRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        ask_for_reset(serializer.validated_data["email"], request._request)
        return Response(status=status.HTTP_202_ACCEPTED)


class PasswordView(APIView):
    """The caller's own password; for people who are signed in."""

    @extend_schema(request=PasswordChangeSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Set a new password. All other sessions end, and this one gets a new cookie."""
        user = _own(request)
        serializer = PasswordChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        with confirming(user, request._request):
            services.change_password(
                user,
                current_password=given["current_password"],
                new=given["password"],
                actor=actor_of(request),
            )
        lifecycle.renew(request._request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class EmailView(APIView):
    """The caller's own e-mail address; for people who are signed in."""

    @extend_schema(request=EmailChangeSerializer, responses={202: None})
    def post(self, request: Request) -> Response:
        """Mail a link to the new address; following it makes the change."""
        user = _own(request)
        serializer = EmailChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        with confirming(user, request._request):
            services.ask_for_email(
                user,
                email=given["email"],
                current_password=given["current_password"],
                actor=actor_of(request),
            )
        return Response(status=status.HTTP_202_ACCEPTED)


def _own(request: Request) -> User:
    actor = actor_of(request)
    if not actor.is_own_session:
        raise Forbidden("Credentials are for people who are signed in as themselves.")
    return user_behind(actor)
