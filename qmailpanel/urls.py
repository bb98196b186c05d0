"""Every address of the panel."""

from importlib.util import find_spec

from django.urls import include, path

from qmailpanel.accounts.urls import allauth_urlpatterns

# The domains come last: their first address is "/".
_APPS = ["accounts", "sync", "activity", "mailboxes", "aliases", "domains"]

urlpatterns = [
    *allauth_urlpatterns,
    *(
        path("", include(f"qmailpanel.{app}.urls"))
        for app in _APPS
        if find_spec(f"qmailpanel.{app}.urls")
    ),
]
