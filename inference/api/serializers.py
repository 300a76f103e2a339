"""Conversations as the API shows them."""

from rest_framework import serializers

from inference.models import Conversation, Message


class MessageSerializer(serializers.ModelSerializer[Message]):
    """One turn."""

    class Meta:
        model = Message
        fields = ["id", "parent", "role", "content", "status", "guarding", "created_at"]
        read_only_fields = fields


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    """A conversation without its messages; its title and pin can be changed."""

    class Meta:
        model = Conversation
        fields = ["id", "project", "title", "pinned", "created_at", "updated_at"]
        read_only_fields = ["id", "project", "created_at", "updated_at"]


class ConversationDetailSerializer(ConversationSerializer):
    """A conversation with its messages, oldest first."""

    messages = MessageSerializer(many=True, read_only=True)

    class Meta(ConversationSerializer.Meta):
        fields = [*ConversationSerializer.Meta.fields, "messages"]
