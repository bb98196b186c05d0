"""Signing in and out. Of allauth's pages only those that are of use here; none signs up."""

from allauth.account import views as allauth_views
from django.urls import path, re_path

from qmailpanel.accounts import views
from qmailpanel.accounts.access import Audience, audience

app_name = "accounts"

urlpatterns = [
    path("sign-in/link/", views.sign_in_by_link, name="sign_in_by_link"),
    path("password/choose/", views.choose_password, name="choose_password"),
]

# Outside the namespace, because allauth looks its own pages up by these names.
allauth_urlpatterns = [
    path("sign-in/", allauth_views.login, name="account_login"),
    path("sign-out/", allauth_views.logout, name="account_logout"),
    path("sign-in/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path(
        "password/",
        audience(Audience.PERSON)(allauth_views.password_change),
        name="account_change_password",
    ),
    path("password/reset/", allauth_views.password_reset, name="account_reset_password"),
    path(
        "password/reset/sent/",
        allauth_views.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        allauth_views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/done/",
        allauth_views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
]
