"""What projects do when something happens in the layers below."""

from typing import Any

from accounts.models import User
from projects.models import ProjectInvitation, ProjectMember
from teams.invitations import withdraw_pending
from teams.models import Team


def end_access(sender: object, *, team: Team, user: User, **_: Any) -> None:
    """End the assignments of somebody who leaves a team, and invitations to its projects.

    An invitation that is left would lead back in.
    """
    ProjectMember.objects.filter(project__team=team, user=user).delete()
    withdraw_pending(ProjectInvitation.objects.filter(project__team=team, email=user.email))
