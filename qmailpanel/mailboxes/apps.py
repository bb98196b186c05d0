from django.apps import AppConfig


class MailboxesConfig(AppConfig):
    name = "qmailpanel.mailboxes"
    default_auto_field = "django.db.models.BigAutoField"
