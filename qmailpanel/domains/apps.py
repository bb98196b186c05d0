from importlib import import_module

from django.apps import AppConfig


class DomainsConfig(AppConfig):
    name = "qmailpanel.domains"
    default_auto_field = "django.db.models.BigAutoField"

    def import_models(self) -> None:
        """Those of its slices too."""
        super().import_models()
        import_module("qmailpanel.domains.access.models")
