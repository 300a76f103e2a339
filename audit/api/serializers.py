"""Audit entries as the API shows them."""

from audit.models import Entry, Verification
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


class VerificationSerializer(ModelSerializer):
    """One look at the whole trail. `holds` is null until it has finished."""

    class Meta:
        model = Verification
        fields = [
            "id",
            "asked_by",
            "started_at",
            "finished_at",
            "holds",
            "entries",
            "seals",
            "waiting",
            "first_bad_entry",
            "problems",
            "checkpoint",
            "failure",
        ]
        read_only_fields = fields
