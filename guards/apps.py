from django.apps import AppConfig
from django.db.models.signals import post_migrate


class GuardsConfig(AppConfig):
    name = "guards"
    verbose_name = "Guards"

    def ready(self) -> None:
        """Keep the shipped sets of the test bench once there are tables for them."""
        from guards.shipped import load_shipped

        post_migrate.connect(load_shipped, sender=self, dispatch_uid="guards.load_shipped")
