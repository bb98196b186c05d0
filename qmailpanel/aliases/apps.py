from django.apps import AppConfig


class AliasesConfig(AppConfig):
    name = "qmailpanel.aliases"
    default_auto_field = "django.db.models.BigAutoField"
