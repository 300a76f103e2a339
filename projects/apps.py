from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class ProjectsConfig(AppConfig):
    name = "projects"
    verbose_name = "Projects"

    def ready(self) -> None:
        """Follow those who leave a team; load what the apps above show of a project."""
        from audit.erasing.services import person_erased
        from projects.receivers import end_access, take_pseudonym
        from restai_site.ui.settings_tabs import add_page
        from teams.signals import member_left

        member_left.connect(end_access, dispatch_uid="projects.end_access")
        person_erased.connect(take_pseudonym, dispatch_uid="projects.take_pseudonym")
        autodiscover_modules("project_panels", "consequences", "retention")
        import_module("projects.retention.of_accounts")
        add_page("retention-runs", "Removals", "projects:retention", order=93)
