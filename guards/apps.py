from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_delete


class GuardsConfig(AppConfig):
    name = "guards"
    verbose_name = "Guards"

    def ready(self) -> None:
        """Follow projects that forget what was said in them; keep the shipped sets of the bench."""
        from accounts.models import User
        from guards.forgetting import forget_person, forget_words
        from guards.shipped import load_shipped
        from projects.signals import conversations_deleted, project_deleted

        for signal in (conversations_deleted, project_deleted):
            signal.connect(forget_words, dispatch_uid="guards.forget_words")
        pre_delete.connect(forget_person, sender=User, dispatch_uid="guards.forget_person")
        # Once there are tables for them.
        post_migrate.connect(load_shipped, sender=self, dispatch_uid="guards.load_shipped")
