from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "qmailpanel.web"
    default_auto_field = "django.db.models.BigAutoField"
