"""The widgets of a team's projects."""

from collections.abc import Iterator

from teams.data.holdings import Held, holds
from teams.models import Team
from widget.models import Feedback, Widget
from widget.services import LIMITS, LOOKS

WIDGET = ("id", "project_id", "name", "is_paused", "allowed_origins", *LOOKS, *LIMITS)
JUDGED = ("widget_id", "message_id", "is_helpful", "reason", "created_at")


@holds("widgets")
def widgets(of: Team) -> Iterator[Held]:
    """Each with its looks, its websites and its limits; without key and secret."""
    yield from Widget.objects.filter(project__team=of).order_by("pk").values(*WIDGET)


@holds("widget_feedback")
def feedback(of: Team) -> Iterator[Held]:
    """What visitors think of answers."""
    found = Feedback.objects.filter(widget__project__team=of).order_by("pk")
    yield from found.values(*JUDGED).iterator()
