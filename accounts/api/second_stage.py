"""REST API: the second stage of a sign-in, for pages of this origin."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import proof, sign_in
from accounts.api.sign_in import SignedInSerializer, browser_of
from accounts.credentials import require_csrf


class SecondStageSerializer(serializers.Serializer[Any]):
    """One of the two."""

    code = serializers.CharField(
        required=False, max_length=64, write_only=True, help_text="Of the authenticator app."
    )
    recovery_code = serializers.CharField(required=False, max_length=64, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and both."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Send a code or a recovery code.")
        return attrs


class SecondStageView(APIView):
    """Go on from `POST /api/auth/sign-in` where that answered that a second factor is needed."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    http_method_names = ["post", "options"]

    @extend_schema(
        operation_id="auth_second_factor",
        request=SecondStageSerializer,
        responses=SignedInSerializer,
    )
    def post(self, request: Request) -> Response:
        """Prove the second factor; the answer sets the cookie of the session."""
        plain = browser_of(request)
        require_csrf(plain)
        given = SecondStageSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        user = sign_in.pending(plain)
        if user is None:
            raise sign_in.SignInRefused(sign_in.SIGN_IN_AGAIN)
        values = given.validated_data
        if "code" in values:
            word = proof.check_code(plain, user, values["code"])
        else:
            word = proof.check_recovery_code(plain, user, values["recovery_code"])
        sign_in.finish(plain, amr=(word,))
        return Response(SignedInSerializer({"second_factor": False}).data)
