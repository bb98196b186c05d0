from django.apps import AppConfig


class FindConfig(AppConfig):
    name = "qmailpanel.find"
    default_auto_field = "django.db.models.BigAutoField"
