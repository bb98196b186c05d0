from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "qmailpanel.accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from .signals import listen  # noqa: PLC0415 - needs the models

        listen()
