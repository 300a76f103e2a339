"""Background work on projects."""

from celery import shared_task

from accounts.tasks import MAIL


@shared_task(name="projects.mail_invitation", **MAIL)  # type: ignore[untyped-decorator]
def mail_project_invitation(invitation_id: int) -> None:
    """Mail an invitation to a project; its token is made here, so that none is in the queue."""
    from projects.models import ProjectInvitation
    from teams.invitations import mail_invitation

    mail_invitation(ProjectInvitation.objects.all(), invitation_id)
