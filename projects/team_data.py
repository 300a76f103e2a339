"""The projects of a team."""

from collections.abc import Iterator

from projects.models import Project, ProjectInvitation
from projects.retention.models import RetentionRule
from teams.data.holdings import Held, holds
from teams.models import Team

PROJECT = (
    *("id", "name", "description", "system_prompt", "temperature", "top_p", "max_tokens"),
    *("visibility", "inference_logging", "masks_logs", "requests_per_minute", "created_at"),
    "updated_at",
)
VERSION = ("number", "text", "note", "created_at")
INVITATION = ("email", "role", "state", "created_at", "expires_at", "answered_at")


@holds("projects")
def projects(of: Team) -> Iterator[Held]:
    """Each project with its prompts, who may use it, and the names of its secrets."""
    for row in Project.objects.filter(team=of).select_related("llm").order_by("pk"):
        members = row.members.select_related("user").order_by("pk")
        yield {name: getattr(row, name) for name in PROJECT} | {
            "llm": row.llm.name,
            "prompt_versions": list(row.prompt_versions.order_by("number").values(*VERSION)),
            "members": [{"email": one.user.email, "role": one.role} for one in members],
            "secrets": list(row.secrets.values_list("name", flat=True)),
            "invitations": list(
                ProjectInvitation.objects.filter(project=row).order_by("pk").values(*INVITATION)
            ),
        }


@holds("retention")
def retention(of: Team) -> Iterator[Held]:
    """Periods of its own."""
    names = ("project_id", "kind", "days")
    yield from RetentionRule.objects.filter(team=of).values(*names)
    yield from RetentionRule.objects.filter(project__team=of).order_by("pk").values(*names)
