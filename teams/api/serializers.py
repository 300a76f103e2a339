"""Teams, members and grants as the API shows them."""

from typing import Any

from rest_framework import serializers

from accounts.models import User, normal_email
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from restai_site.lib.drf import ModelSerializer, VisibleField, actor_of
from teams.models import GroupMapping, Invitation, Membership, Team
from teams.querysets import people_known_to
from teams.time_zones import validate_time_zone

NO_SUCH_USER = "Nobody whom you know has this address or id; invite others."


class TeamSerializer(ModelSerializer):
    """A team. Platform administrators change its time zone."""

    time_zone = serializers.CharField(
        max_length=64,
        required=False,
        validators=[validate_time_zone],
        help_text="Where its days and months begin: a name of the IANA database.",
    )

    class Meta:
        model = Team
        fields = ["id", "name", "slug", "time_zone", "created_at"]
        read_only_fields = ["id", "slug", "created_at"]


class PersonSerializer(ModelSerializer):
    """A user as other members see them."""

    class Meta:
        model = User
        fields = ["id", "email", "name"]
        read_only_fields = fields


class MembershipSerializer(ModelSerializer):
    """A user's place in a team; the role can be changed."""

    user = PersonSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["user", "role", "source", "created_at"]
        read_only_fields = ["source", "created_at"]
        extra_kwargs = {"role": {"required": True}}


class KnownPersonSerializer(serializers.Serializer[Any]):
    """Somebody, by e-mail address or by id, from a team of the caller's.

    Whoever is in none of these is answered as somebody who does not exist.
    """

    email = serializers.CharField(max_length=254, required=False)
    user = serializers.IntegerField(min_value=1, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both of the two, and neither."""
        if len({"email", "user"} & attrs.keys()) != 1:
            raise serializers.ValidationError({"email": "Give either an e-mail address or a user."})
        return attrs

    def known(self, attrs: dict[str, Any]) -> User:
        """Return the person whom the caller knows, or refuse."""
        people = people_known_to(actor_of(self.context["request"])).filter(is_active=True)
        given = "user" if "user" in attrs else "email"
        if given == "user":
            found = people.filter(pk=attrs["user"])
        else:
            found = people.filter(email=normal_email(attrs["email"]))
        user = found.first()
        if user is None:
            raise serializers.ValidationError({given: NO_SUCH_USER})
        return user


class NewMembershipSerializer(KnownPersonSerializer):
    """Whom to add: somebody whom the caller knows already. Others are invited."""

    role = serializers.ChoiceField(choices=Membership.Role.choices, default=Membership.Role.MEMBER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the user."""
        attrs = super().validate(attrs)
        return {"user": self.known(attrs), "role": attrs["role"]}


class AbstractInvitationSerializer(ModelSerializer):
    """An invitation as those see it who sent it."""

    invited_by = PersonSerializer(read_only=True)
    state = serializers.CharField(
        source="shown_state",
        read_only=True,
        help_text="pending, accepted, declined, revoked, or expired.",
    )

    class Meta:
        model = Invitation
        fields = [
            "id",
            "email",
            "role",
            "invited_by",
            "state",
            "created_at",
            "expires_at",
            "answered_at",
        ]
        read_only_fields = fields


class InvitationSerializer(AbstractInvitationSerializer):
    """An invitation to a team."""


class NewAbstractInvitationSerializer(KnownPersonSerializer):
    """Whom to invite: by any e-mail address, or by the id of somebody whom the caller knows.

    The answer does not tell whether there is an account with the address.
    """

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the address."""
        attrs = super().validate(attrs)
        email = self.known(attrs).email if "user" in attrs else attrs["email"]
        return {"email": email, "role": attrs["role"]}


class NewInvitationSerializer(NewAbstractInvitationSerializer):
    """Whom to invite to a team."""

    role = serializers.ChoiceField(choices=Membership.Role.choices, default=Membership.Role.MEMBER)


class GroupMappingSerializer(ModelSerializer):
    """A group of LDAP or a sign-in provider, and the team that its people belong to."""

    team = VisibleField(queryset=Team.objects.all())

    class Meta:
        model = GroupMapping
        fields = ["id", "source", "group", "team", "role", "created_at"]
        read_only_fields = ["id", "created_at"]
        extra_kwargs = {"source": {"help_text": "`ldap`, or `provider:` and a provider's slug."}}
        # The service answers a group that is mapped already with 409.
        validators: list[Any] = []


class GrantsSerializer(ModelSerializer):
    """What a team may use: for each kind the whole set of ids."""

    llms = VisibleField(queryset=LLM.objects.all(), many=True, required=False)
    embedding_models = VisibleField(
        queryset=EmbeddingModel.objects.all(), many=True, required=False
    )
    image_generators = VisibleField(
        queryset=ImageGenerator.objects.all(), many=True, required=False
    )
    audio_generators = VisibleField(
        queryset=AudioGenerator.objects.all(), many=True, required=False
    )

    class Meta:
        model = Team
        fields = ["llms", "embedding_models", "image_generators", "audio_generators"]
