from django.apps import AppConfig


class TeamsConfig(AppConfig):
    name = "teams"
    verbose_name = "Teams"

    def ready(self) -> None:
        """Follow the groups that sign-ins bring, and tell the layer below which teams there are."""
        from accounts import directory
        from teams.groups import follow_groups, team_choices

        directory.groups_read.connect(follow_groups, dispatch_uid="teams.follow_groups")
        directory.offer_teams(team_choices)
