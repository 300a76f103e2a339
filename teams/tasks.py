"""Background work on teams."""

from celery import shared_task

from accounts.tasks import MAIL


@shared_task(name="teams.mail_invitation", **MAIL)  # type: ignore[untyped-decorator]
def mail_team_invitation(invitation_id: int) -> None:
    """Mail an invitation to a team; its token is made here, so that none is in the queue."""
    from teams.invitations import mail_invitation
    from teams.models import Invitation

    mail_invitation(Invitation.objects.all(), invitation_id)


@shared_task(name="teams.make_team_export")  # type: ignore[untyped-decorator]
def make_team_export(export_id: int) -> bool:
    """Make the file of what the platform has about a team."""
    from teams.data import services

    return services.make(export_id)
