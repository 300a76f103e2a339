"""What was said in the projects of a team, as their logs have it."""

from collections.abc import Iterator

from inference.models import InferenceLog
from teams.data.holdings import Held, holds
from teams.models import Team

CALL = (
    *("created_at", "call_id", "project_id", "surface", "model_name", "outcome", "question"),
    *("answer", "prompt_tokens", "completion_tokens", "cost"),
)


@holds("logs")
def logs(of: Team) -> Iterator[Held]:
    """The logs that its admins read in the projects, with whose calls they were."""
    found = InferenceLog.objects.filter(project__team=of).order_by("pk")
    yield from found.values(*CALL, "user__email").iterator()
