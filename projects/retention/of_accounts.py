"""What is kept of sign-ins, and files of data; the layers below know nothing of retention."""

from django.db.models import QuerySet

from accounts.models import AttemptCounter, DataExport, Session
from projects.retention.kinds import Cut, kept
from teams.data.models import TeamExport


@kept("sessions", "Sessions that have ended")
def sessions(cut: Cut) -> QuerySet[Session]:
    """Return the sessions whose time was over before the cut; whoever signs out leaves none."""
    found: QuerySet[Session] = Session.objects.filter(expires_at__lt=cut.before)
    return found.order_by("expires_at")


@kept("sign_in_attempts", "Failed log-in attempts")
def attempts(cut: Cut) -> QuerySet[AttemptCounter]:
    """Return the counts of wrong log-ins that nothing was added to since before the cut."""
    return AttemptCounter.objects.filter(last_at__lt=cut.before).order_by("last_at")


@kept("exports", "Files of people's own data")
def exports(cut: Cut) -> QuerySet[DataExport]:
    """Return the files that were asked for before the cut."""
    found: QuerySet[DataExport] = DataExport.objects.filter(created_at__lt=cut.before)
    return found.order_by("created_at")


@kept("team_exports", "Files of teams' data")
def team_exports(cut: Cut) -> QuerySet[TeamExport]:
    """Return the files that were asked for before the cut."""
    found: QuerySet[TeamExport] = TeamExport.objects.filter(created_at__lt=cut.before)
    return found.order_by("created_at")
