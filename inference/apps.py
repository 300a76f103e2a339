from django.apps import AppConfig


class InferenceConfig(AppConfig):
    name = "inference"
    verbose_name = "Inference"

    def ready(self) -> None:
        """Follow projects that forget what was said in them."""
        from inference.logs.forgetting import forget_project
        from projects.signals import conversations_deleted

        conversations_deleted.connect(forget_project, dispatch_uid="inference.forget_project")
