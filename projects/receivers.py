"""What projects do when something happens in the layers below."""

from typing import Any

from accounts.models import User
from projects.erasing.models import TeamErasure
from projects.models import ProjectInvitation, ProjectMember
from projects.retention.models import RetentionRun
from teams.invitations import withdraw_pending
from teams.models import Team


def end_access(sender: object, *, team: Team, user: User, **_: Any) -> None:
    """End the assignments of somebody who leaves a team, and invitations to its projects.

    An invitation that is left would lead back in.
    """
    ProjectMember.objects.filter(project__team=team, user=user).delete()
    withdraw_pending(ProjectInvitation.objects.filter(project__team=team, email=user.email))


def take_pseudonym(sender: object, *, addresses: frozenset[str], pseudonym: str, **_: Any) -> None:
    """Forget the addresses of somebody who is erased: invitations, and who asked for removals."""
    ProjectInvitation.objects.filter(email__in=addresses).delete()
    for model in (RetentionRun, TeamErasure):
        rows: Any = model.objects.filter(asked_by__in=addresses)
        rows.update(asked_by=pseudonym)
