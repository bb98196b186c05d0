from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "qmailpanel.people"
