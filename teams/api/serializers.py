"""Teams, members and grants as the API shows them."""

from typing import Any

from rest_framework import serializers

from accounts.models import User, normal_email
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from restai_site.lib.drf import ModelSerializer, VisibleField, actor_of
from teams.models import GroupMapping, Membership, Team
from teams.querysets import people_known_to
from teams.time_zones import validate_time_zone

NO_SUCH_USER = "There is no active user with this address or id, or you may not see them."


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


class NewMembershipSerializer(serializers.Serializer[Any]):
    """Whom to add: by e-mail address, or by the id of somebody from a team of the caller's.

    An unknown and a deactivated address are answered alike. That an address is known cannot be
    kept from whoever may add it, which is why only admins of the team get this far.
    """

    email = serializers.CharField(max_length=254, required=False)
    user = serializers.IntegerField(min_value=1, required=False)
    role = serializers.ChoiceField(choices=Membership.Role.choices, default=Membership.Role.MEMBER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Find the user."""
        given = {"email", "user"} & attrs.keys()
        if len(given) != 1:
            raise serializers.ValidationError({"email": "Give either an e-mail address or a user."})
        if "email" in attrs:
            found = User.objects.filter(email=normal_email(attrs["email"]))
        else:
            found = people_known_to(actor_of(self.context["request"])).filter(pk=attrs["user"])
        user = found.filter(is_active=True).first()
        if user is None:
            raise serializers.ValidationError({given.pop(): NO_SUCH_USER})
        return {"user": user, "role": attrs["role"]}


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
