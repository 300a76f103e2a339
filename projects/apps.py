from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "projects"
    verbose_name = "Projects"

    def ready(self) -> None:
        """Follow those who leave a team."""
        from projects.receivers import end_access
        from teams.signals import member_left

        member_left.connect(end_access, dispatch_uid="projects.end_access")
