"""Background work on projects."""

from dataclasses import replace

from celery import shared_task

from accounts.tasks import MAIL
from projects.retention import engine
from projects.retention.kinds import kinds


@shared_task(name="projects.mail_invitation", **MAIL)  # type: ignore[untyped-decorator]
def mail_project_invitation(invitation_id: int) -> None:
    """Mail an invitation to a project; its token is made here, so that none is in the queue."""
    from projects.models import ProjectInvitation
    from teams.invitations import mail_invitation

    mail_invitation(ProjectInvitation.objects.all(), invitation_id)


@shared_task(name="projects.purge_due")  # type: ignore[untyped-decorator]
def purge_due() -> dict[str, int]:
    """Remove what is over of each kind whose time has come; return how many rows went."""
    return engine.purge_each(engine.due())


@shared_task(name="projects.purge_now")  # type: ignore[untyped-decorator]
def purge_now(asked_by: str) -> dict[str, int]:
    """Remove what is over of each kind, as somebody has asked."""
    return engine.purge_each(kinds(), actor=replace(engine.BY_CLOCK, email=asked_by))


@shared_task(name="projects.erase_team")  # type: ignore[untyped-decorator]
def erase_team(erasure_id: int) -> bool:
    """Erase a team, as somebody has asked."""
    from projects.erasing import services as erasing

    return erasing.run(erasure_id)


@shared_task(name="projects.look_after_team_erasures")  # type: ignore[untyped-decorator]
def look_after_team_erasures() -> None:
    """Go on with erasures of teams that were killed."""
    from projects.erasing import services as erasing

    erasing.look_after()
