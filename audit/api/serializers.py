"""Audit entries as the API shows them."""

from audit.models import Entry
from restai_site.lib.drf import ModelSerializer


class EntrySerializer(ModelSerializer):
    """One act of one actor on one target."""

    class Meta:
        model = Entry
        fields = [
            "id",
            "created_at",
            "actor_id",
            "actor_email",
            "credential",
            "impersonator_id",
            "impersonator_email",
            "action",
            "target_type",
            "target_id",
            "target_name",
            "team_id",
            "status",
            "ip",
            "user_agent",
            "request_id",
            "changes",
        ]
        read_only_fields = fields
