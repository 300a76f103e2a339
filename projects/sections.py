"""Settings of this app."""

from collections.abc import Mapping
from typing import Any

from projects.models import Project
from restai_site.lib.configuration import Choice, Number, Section
from restai_site.lib.errors import Invalid

# Ten years.
DAYS_MAX = 3_653
# Budgets of a month begin with the sum of its calls, in any time zone.
USAGE_LEAST = 35
UNTIL_DELETED = "Days; 0 keeps them until somebody deletes them."


class LoggingSection(Section):
    """What the platform keeps of what people say, unless a project says otherwise."""

    slug = "logging"
    title = "Logging"
    lede = (
        "What is kept of the chats of new projects. Each project can change it for itself, on its "
        "page Settings; projects that exist stay as they are."
    )
    order = 90

    new_projects = Choice(
        Project.InferenceLogging.FULL.value,
        choices=Project.InferenceLogging.choices,
        label="Inference logging of new projects",
        explanation="Metadata and Off: no question and no answer is in any table, log or cache.",
        variable="NEW_PROJECTS_LOGGING",
    )


class RetentionSection(Section):
    """For how long the platform keeps what it has; 0: without an end.

    Each setting has the name of a kind of `projects.retention.kinds`.
    """

    slug = "retention"
    title = "Retention"
    lede = (
        "For how long data is kept. What is over is removed once a day, and each removal leaves a "
        "receipt in the audit trail. Teams and projects may keep less, never more."
    )
    order = 92

    conversations = Number(
        0,
        least=0,
        most=DAYS_MAX,
        label="Conversations",
        explanation=f"Each message, from when it was written. {UNTIL_DELETED}",
        variable="RETENTION_CONVERSATIONS_DAYS",
    )
    inference_logs = Number(
        90,
        least=0,
        most=DAYS_MAX,
        label="Inference logs",
        explanation=f"The logs of projects, with what they hold of questions. {UNTIL_DELETED}",
        variable="RETENTION_INFERENCE_LOGS_DAYS",
    )
    guard_events = Number(
        365,
        least=0,
        most=DAYS_MAX,
        label="Findings of guards",
        explanation=f"With the texts that were kept of them. {UNTIL_DELETED}",
        variable="RETENTION_GUARD_EVENTS_DAYS",
    )
    usage = Number(
        730,
        least=0,
        most=DAYS_MAX,
        label="Details of calls",
        explanation=(
            f"Whole days of UTC; {USAGE_LEAST} at least, for budgets. The sums in statistics stay. "
            "0 keeps them for ever."
        ),
        variable="RETENTION_USAGE_DAYS",
    )
    exports = Number(
        7,
        least=1,
        most=365,
        label="Files of people's own data",
        explanation="Days from when somebody asked for one.",
        variable="RETENTION_EXPORTS_DAYS",
    )
    team_exports = Number(
        7,
        least=1,
        most=365,
        label="Files of teams' data",
        explanation="Days from when an admin of the team asked for one.",
        variable="RETENTION_TEAM_EXPORTS_DAYS",
    )
    widget_visitors = Number(
        90,
        least=1,
        most=DAYS_MAX,
        label="Visitors of widgets",
        explanation="Days from when somebody was last seen. What they said goes as conversations.",
        variable="RETENTION_WIDGET_VISITORS_DAYS",
    )
    sessions = Number(
        1,
        least=1,
        most=DAYS_MAX,
        label="Sessions that have ended",
        explanation="Days after a session has ended by time. Signing out removes it at once.",
        variable="RETENTION_SESSIONS_DAYS",
    )
    sign_in_attempts = Number(
        2,
        least=2,
        most=DAYS_MAX,
        label="Failed log-in attempts",
        explanation="Days after the last one. They name nobody: only keyed digests are kept.",
        variable="RETENTION_SIGN_IN_ATTEMPTS_DAYS",
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Refuse a ledger too short for budgets."""
        if 0 < values["usage"] < USAGE_LEAST:
            message = f"Choose 0, or {USAGE_LEAST} days at least: budgets count by months."
            raise Invalid(message, fields={"usage": [message]})
