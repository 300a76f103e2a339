from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ProjectsConfig(AppConfig):
    name = "projects"
    verbose_name = "Projects"

    def ready(self) -> None:
        """Follow those who leave a team; load what the apps above show of a project."""
        from projects.receivers import end_access
        from teams.signals import member_left

        member_left.connect(end_access, dispatch_uid="projects.end_access")
        autodiscover_modules("project_panels", "consequences")
