"""What a directory or an identity provider says of a user when they sign in."""

from collections.abc import Callable, Sequence

from django.dispatch import Signal

from accounts.models import User
from restai_site.lib.actor import Actor

# Sent by `send`, inside the transaction of the sign-in, so that an error in a receiver undoes both.
# Arguments: user (User), source ("ldap" or "provider:<slug>"), groups (frozenset of names),
# created (whether the user has just been made), actor (Actor, for the audit trail), and, where one
# is set, default_team_id (the team that a new user begins in).
groups_read = Signal()


def leave(user: User, *, source: str, actor: Actor) -> None:
    """Tell that `user` no longer comes by `source`: what its groups have given them ends.

    Without this, whoever foresees that a group will be taken from them could untie their account
    first, and keep what it gave. Call it in the transaction of the untying.
    """
    groups_read.send(User, user=user, source=source, groups=frozenset(), created=False, actor=actor)


TeamChoices = Callable[[], Sequence[tuple[int, str]]]


def _no_teams() -> Sequence[tuple[int, str]]:
    return ()


class _State:
    choices: TeamChoices = staticmethod(_no_teams)


def offer_teams(choices: TeamChoices) -> None:
    """Let `choices` say which teams there are; the layer of teams is above this one."""
    _State.choices = staticmethod(choices)


def team_choices() -> Sequence[tuple[int, str]]:
    """Return the id and the name of every team that a new user could begin in."""
    return _State.choices()
