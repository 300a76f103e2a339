from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class TeamsConfig(AppConfig):
    name = "teams"
    verbose_name = "Teams"

    def ready(self) -> None:
        """Follow the groups that sign-ins bring, and tell the layer below which teams there are."""
        from accounts import directory
        from audit.erasing.services import person_erased
        from teams.groups import follow_groups, team_choices
        from teams.invitations import forget_addresses

        directory.groups_read.connect(follow_groups, dispatch_uid="teams.follow_groups")
        person_erased.connect(forget_addresses, dispatch_uid="teams.forget_addresses")
        directory.offer_teams(team_choices)
        autodiscover_modules("team_data")
        import_module("teams.data.of_teams")
