from django.apps import AppConfig


class GuardsConfig(AppConfig):
    name = "guards"
    verbose_name = "Guards"

    def ready(self) -> None:
        """Follow projects that forget what was said in them."""
        from guards.forgetting import forget_words
        from projects.signals import conversations_deleted, project_deleted

        for signal in (conversations_deleted, project_deleted):
            signal.connect(forget_words, dispatch_uid="guards.forget_words")
