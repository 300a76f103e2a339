"""The projects of a person."""

from collections.abc import Iterator

from accounts.models import User
from accounts.personal.holdings import Held, holds
from projects.models import ProjectMember


@holds("projects")
def projects(user: User) -> Iterator[Held]:
    """Assignments."""
    for row in ProjectMember.objects.filter(user=user).select_related("project").order_by("pk"):
        yield {"project": row.project.name, "role": row.role, "since": row.created_at}
