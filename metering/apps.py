from django.apps import AppConfig
from django.db.models.signals import pre_delete


class MeteringConfig(AppConfig):
    name = "metering"
    verbose_name = "Metering"

    def ready(self) -> None:
        """Lock budgets in the order of calls before they go with whom they are for."""
        from accounts.models import User
        from metering.going import lock_budgets_of
        from projects.models import Project
        from teams.models import Team

        for sender in (Project, Team, User):
            pre_delete.connect(lock_budgets_of, sender=sender, dispatch_uid="metering.going")
