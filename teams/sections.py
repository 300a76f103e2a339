"""Settings of this app."""

from restai_site.lib.configuration import Flag, Section


class TeamsSection(Section):
    """What the admins of teams may do on the platform."""

    slug = "teams"
    # It decides on who comes in.
    keys_may_change = False
    title = "Teams"
    lede = "What the admins of teams may do besides running their team."
    order = 40

    invite_without_account = Flag(
        default=False,
        label="Team admins may invite people who have no account",
        explanation=(
            "On: whoever is invited to a team or a project and has no account makes one by the "
            "mailed link, without any right on the platform. Only where people sign in with a "
            "password. Off: such an invitation waits until an administrator has made the account."
        ),
        variable="INVITE_WITHOUT_ACCOUNT",
    )
