from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "qmailpanel.console"
    default_auto_field = "django.db.models.BigAutoField"
