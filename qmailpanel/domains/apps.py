from django.apps import AppConfig


class DomainsConfig(AppConfig):
    name = "qmailpanel.domains"
    default_auto_field = "django.db.models.BigAutoField"
