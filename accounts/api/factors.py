"""REST API of one's own second factors. For people in a session of their own, never for keys."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import challenges, limiter, proof
from accounts.actors import user_behind
from accounts.models import Passkey, TotpDevice, User
from accounts.policy import second_factor_required_of
from accounts.services.factors import Proof, reset_factors
from accounts.services.passkeys import (
    add_passkey,
    begin_authentication,
    begin_registration,
    remove_passkey,
    rename_passkey,
)
from accounts.services.recovery_codes import codes_left, new_recovery_codes
from accounts.services.second_factor import begin_totp, confirm_totp, otpauth_uri, remove_totp
from accounts.sessions import lifecycle
from restai_site.lib.actor import Actor
from restai_site.lib.drf import ModelSerializer, actor_of
from restai_site.lib.errors import Forbidden
from restai_site.lib.permissions import IsPlatformAdmin, IsSignedIn
from restai_site.lib.viewsets import READ, ScopedView

ONCE = {"Cache-Control": "no-store"}
PROOF_PARTS = ("password", "code", "credential")


class ProofSerializer(serializers.Serializer[Any]):
    """Once more who the caller is; which parts are needed says the operation."""

    password = serializers.CharField(
        required=False, max_length=1024, trim_whitespace=False, write_only=True
    )
    code = serializers.CharField(
        required=False,
        max_length=64,
        write_only=True,
        help_text="Of the authenticator app, or a recovery code.",
    )
    credential = serializers.DictField(
        required=False, write_only=True, help_text="The answer of a passkey."
    )


class CodeSerializer(serializers.Serializer[Any]):
    """A code of the app that is being set up."""

    code = serializers.CharField(max_length=64, write_only=True)


class AppSerializer(serializers.Serializer[Any]):
    """The secret of a new app, in this answer alone."""

    secret = serializers.CharField(read_only=True)
    otpauth_uri = serializers.CharField(read_only=True)


class CodesSerializer(serializers.Serializer[Any]):
    """Recovery codes, in this answer alone; empty where the old ones stay."""

    recovery_codes = serializers.ListField(child=serializers.CharField(), read_only=True)


class StateSerializer(serializers.Serializer[Any]):
    """Which second factors the caller has."""

    since = serializers.DateTimeField(read_only=True, allow_null=True)
    is_required = serializers.BooleanField(read_only=True)
    has_app = serializers.BooleanField(read_only=True)
    passkeys = serializers.IntegerField(read_only=True)
    recovery_codes_left = serializers.IntegerField(read_only=True)


class PasskeySerializer(ModelSerializer):
    """A passkey, of which nothing is secret."""

    class Meta:
        model = Passkey
        fields = ["id", "name", "aaguid", "transports", "backed_up", "created_at", "last_used_at"]
        read_only_fields = [
            "id", "aaguid", "transports", "backed_up", "created_at", "last_used_at",
        ]  # fmt: skip


class NewPasskeySerializer(ProofSerializer):
    """A passkey to be kept: its name, and what `navigator.credentials.create` gave."""

    name = serializers.CharField(max_length=64)
    answer = serializers.DictField(help_text="The new credential, as JSON.")


class KeptPasskeySerializer(PasskeySerializer):
    """The answer to adding one, with recovery codes where it is the first factor."""

    recovery_codes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta(PasskeySerializer.Meta):
        fields = [*PasskeySerializer.Meta.fields, "recovery_codes"]


class OwnSessionView(APIView):
    """What the views of this module share: they serve a person in their own session alone."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise Forbidden for keys, Basic and impersonation."""
        super().initial(request, *args, **kwargs)
        if not actor_of(request).is_own_session:
            raise Forbidden("Second factors are for people who are signed in as themselves.")

    def own(self) -> User:
        """The caller."""
        return user_behind(actor_of(self.request))

    def given(self, serializer: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """What was sent, valid."""
        sent = serializer(data=self.request.data)
        sent.is_valid(raise_exception=True)
        return dict(sent.validated_data)

    def prove(self, values: dict[str, Any]) -> Proof:
        """What the parts of `values` prove; where there are none, what the session does."""
        parts = {name: values[name] for name in PROOF_PARTS if values.get(name)}
        return proof.prove(self.request._request, self.own(), **parts)

    def renew(self, *amr: str) -> None:
        """Give the session another id, after all others have ended."""
        lifecycle.renew(self.request._request, amr=amr)


class SecondFactorView(OwnSessionView):
    """Which second factors one has."""

    @extend_schema(responses=StateSerializer)
    def get(self, request: Request) -> Response:
        """Answer the state; nothing in it is secret."""
        user = self.own()
        state = {
            "since": user.second_factor_since,
            "is_required": second_factor_required_of(is_platform_admin=user.is_platform_admin),
            "has_app": TotpDevice.objects.filter(user=user, confirmed=True).exists(),
            "passkeys": Passkey.objects.filter(user=user).count(),
            "recovery_codes_left": codes_left(user),
        }
        return Response(StateSerializer(state).data)


class TotpView(OwnSessionView):
    """One's own authenticator app."""

    @extend_schema(request=ProofSerializer, responses={201: AppSerializer})
    def post(self, request: Request) -> Response:
        """Begin to set up an app; its secret is in this answer and never again.

        Some time after signing in, a password or code is needed.
        """
        given = self.prove(self.given(ProofSerializer))
        device = begin_totp(self.own(), proof=given, actor=actor_of(request))
        answer = {"secret": device.secret, "otpauth_uri": otpauth_uri(device)}
        return Response(answer, status=status.HTTP_201_CREATED, headers=ONCE)

    @extend_schema(request=ProofSerializer, responses={204: None})
    def delete(self, request: Request) -> Response:
        """Remove the app; needs the password, where there is one, and a factor."""
        given = self.prove(self.given(ProofSerializer))
        remove_totp(self.own(), proof=given, actor=actor_of(request))
        self.renew()
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConfirmTotpView(OwnSessionView):
    """The end of setting up an app."""

    @extend_schema(request=CodeSerializer, responses=CodesSerializer)
    def post(self, request: Request) -> Response:
        """Turn the app on by a code of it; answers recovery codes with the first factor."""
        code, user = self.given(CodeSerializer)["code"], self.own()
        kind = limiter.Kind.CODE
        attempt = limiter.count(kind, account=user.email, request=request._request)
        codes = confirm_totp(user, code=code, actor=actor_of(request))
        attempt.succeeded()
        self.renew(proof.OTP, lifecycle.MFA)
        return Response({"recovery_codes": codes}, headers=ONCE)


class RecoveryCodesView(OwnSessionView):
    """One's own recovery codes."""

    @extend_schema(request=ProofSerializer, responses={201: CodesSerializer})
    def post(self, request: Request) -> Response:
        """Make ten new codes, which void the old ones; needs the password or a factor."""
        given = self.prove(self.given(ProofSerializer))
        codes = new_recovery_codes(self.own(), proof=given, actor=actor_of(request))
        answer = {"recovery_codes": codes}
        return Response(answer, status=status.HTTP_201_CREATED, headers=ONCE)


class PasskeyViewSet(
    OwnSessionView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    ScopedView,
    viewsets.GenericViewSet[Passkey],
):
    """One's own passkeys."""

    queryset = Passkey.objects.order_by("-id")
    serializer_class = PasskeySerializer
    filterset_fields: list[str] = []
    http_method_names = [*READ, "post", "patch", "delete"]
    lookup_url_kwarg = "passkey_id"
    lookup_value_converter = "int"

    @extend_schema(request=NewPasskeySerializer, responses={201: KeptPasskeySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Keep a passkey that has answered the options of `/api/auth/passkeys/registration`."""
        values = self.given(NewPasskeySerializer)
        passkey, codes = add_passkey(
            self.own(),
            name=values["name"],
            credential=values["answer"],
            state=challenges.take(request._request, challenges.REGISTER),
            proof=self.prove(values),
            actor=self.actor,
        )
        self.renew(proof.PASSKEY, lifecycle.MFA)
        passkey.recovery_codes = codes  # type: ignore[attr-defined]
        answer = KeptPasskeySerializer(passkey).data
        return Response(answer, status=status.HTTP_201_CREATED, headers=ONCE)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rename a passkey."""
        passkey = self.get_object()
        sent = self.get_serializer(passkey, data=request.data, partial=True)
        sent.is_valid(raise_exception=True)
        name = sent.validated_data.get("name", passkey.name)
        passkey = rename_passkey(passkey, name=name, actor=self.actor)
        return Response(self.get_serializer(passkey).data)

    @extend_schema(request=ProofSerializer, responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove a passkey; needs the password, where there is one, and a factor."""
        passkey = self.get_object()
        given = self.prove(self.given(ProofSerializer))
        remove_passkey(passkey, proof=given, actor=self.actor)
        self.renew()
        return Response(status=status.HTTP_204_NO_CONTENT)


class PasskeyRegistrationView(OwnSessionView):
    """The options for making a passkey."""

    @extend_schema(request=None, responses=dict[str, Any])
    def post(self, request: Request) -> Response:
        """Answer what `navigator.credentials.create` takes; the challenge is good for once."""
        options, state = begin_registration(self.own())
        challenges.keep(request._request, challenges.REGISTER, state)
        return Response(options)


class PasskeyProofView(OwnSessionView):
    """The options for confirming by a passkey who is there."""

    @extend_schema(request=None, responses=dict[str, Any])
    def post(self, request: Request) -> Response:
        """Answer what `navigator.credentials.get` takes; send its answer as `credential`."""
        options, state = begin_authentication(self.own())
        challenges.keep(request._request, challenges.PROOF, state)
        return Response(options)


class UserSecondFactorView(APIView):
    """The second factors of a user who has lost them."""

    permission_classes = [IsSignedIn, IsPlatformAdmin]

    @extend_schema(responses={204: None})
    def delete(self, request: Request, user_id: int) -> Response:
        """Take all of them away; for platform administrators who are signed in, not for oneself."""
        actor: Actor = actor_of(request)
        user: User = get_object_or_404(User.objects.visible_to(actor), pk=user_id)
        reset_factors(user, actor=actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
