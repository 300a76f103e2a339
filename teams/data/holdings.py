"""What is held about a team. Each app says what it has, for its own rows.

An app declares it in its module `team_data.py`, as `accounts.personal.holdings` says it of people:

    @holds("projects")
    def projects(team: Team) -> Iterator[Held]: ...

People's own conversations are theirs, not the team's: they stay out of it.
"""

from accounts.personal.holdings import Held, Holdings
from teams.models import Team

__all__ = ["Held", "holdings", "holds"]
of_teams = Holdings[Team]()
holds = of_teams.holds
holdings = of_teams.all
