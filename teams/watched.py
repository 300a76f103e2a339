"""Who still belongs to the teams that pay for what they are being answered."""

from accounts.models import User
from accounts.watch import TEAM, Pairs, place
from teams.models import Membership


@place(TEAM)
def still_reached(pairs: Pairs) -> Pairs:
    """Return those of `pairs` of user and team in which the user belongs to the team.

    Platform administrators use every model, whichever team pays.
    """
    users = {user_id for user_id, _ in pairs}
    members = Membership.objects.filter(
        user_id__in=users, team_id__in={team_id for _, team_id in pairs}
    ).values_list("user_id", "team_id")
    administrators = User.objects.filter(pk__in=users, is_platform_admin=True, is_active=True)
    everywhere = set(administrators.values_list("pk", flat=True))
    return {pair for pair in pairs if pair[0] in everywhere} | (pairs & set(members))
