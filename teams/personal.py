"""The teams of a person."""

from collections.abc import Iterator

from accounts.models import User
from accounts.personal.holdings import Held, holds
from teams.models import Membership


@holds("teams")
def teams(user: User) -> Iterator[Held]:
    """Memberships."""
    for row in Membership.objects.filter(user=user).select_related("team").order_by("pk"):
        yield {"team": row.team.name, "role": row.role, "since": row.created_at}
