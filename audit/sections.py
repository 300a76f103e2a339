"""Settings of this app."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from restai_site.lib.configuration import Flag, Number, Section
from restai_site.lib.errors import Invalid


class AuditSection(Section):
    """Who reads the trail besides platform administrators."""

    slug = "audit"
    title = "Audit trail"
    lede = "Who may read what is recorded of changes. Nobody can change or remove it."
    order = 95

    team_admins_read = Flag(
        default=False,
        label="Team admins read the entries of their teams",
        explanation=(
            "Changes in the teams that they run: who, what, when and from where. Everything else "
            "stays with platform administrators."
        ),
        variable="AUDIT_TEAM_ADMINS_READ",
    )
    days = Number(
        0,
        least=0,
        most=36_500,
        label="Keep entries for, in days",
        explanation=(
            "0 keeps them for ever. Older ones are not removed by themselves: each day the page "
            "Audit asks an administrator to confirm that they go."
        ),
        variable="AUDIT_DAYS",
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Refuse less than the least."""
        if 0 < values["days"] < settings.AUDIT_MIN_DAYS:
            message = f"Choose 0, or {settings.AUDIT_MIN_DAYS} days at least."
            raise Invalid(message, fields={"days": [message]})
