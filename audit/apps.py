from importlib import import_module

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit trail"

    def ready(self) -> None:
        """Load what the apps above say of who may read, and the settings of forwarding."""
        autodiscover_modules("audit_readers")
        # Not by audit/sections.py, which the models need: it leads back to them.
        import_module("audit.forwarding.section")
