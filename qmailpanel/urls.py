"""Every address of the panel."""

from django.urls import include, path, register_converter

from qmailpanel.accounts.urls import allauth_urlpatterns
from qmailpanel.web.paths import Name

register_converter(Name, "name")

handler500 = "qmailpanel.web.busy.answer_error"

urlpatterns = [
    *allauth_urlpatterns,
    path("", include("qmailpanel.accounts.urls")),
    path("", include("qmailpanel.console.urls")),
    path("", include("qmailpanel.find.urls")),
    path("", include("qmailpanel.today.urls")),
    path("", include("qmailpanel.activity.urls")),
    path("", include("qmailpanel.people.urls")),
    path("", include("qmailpanel.mailboxes.urls")),
    path("", include("qmailpanel.aliases.urls")),
    path("", include("qmailpanel.domains.urls")),
]
