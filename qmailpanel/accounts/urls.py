"""Signing in and out. Of allauth's pages only those that are of use here; none signs up."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.urls import path, re_path

from . import views
from .access import Audience, audience
from .views import for_who_has, with_passkeys

app_name = "accounts"

for_signed_in = audience(Audience.SIGNED_IN)  # owners as far as their domain leaves it to them

urlpatterns = [
    path("sign-in/link/", views.sign_in_by_link, name="sign_in_by_link"),
    path("password/choose/", views.choose_password, name="choose_password"),
    path("security/", views.security, name="security"),
    path("security/sessions/end/", views.end_sessions, name="end_sessions"),
    path("security/sessions/<int:pk>/end/", views.end_one_session, name="end_session"),
]

# Outside the namespace, because allauth looks its own pages up by these names.
allauth_urlpatterns = [
    path("sign-in/", account.login, name="account_login"),
    path("sign-in/second/", mfa.authenticate, name="mfa_authenticate"),
    path(
        "sign-in/passkey/",
        with_passkeys(views.SignInByPasskey.as_view()),
        name="mfa_login_webauthn",
    ),
    path("sign-out/", account.logout, name="account_logout"),
    path("sign-in/inactive/", account.account_inactive, name="account_inactive"),
    path("password/", views.change_password, name="account_change_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("confirm/password/", for_signed_in(account.reauthenticate), name="account_reauthenticate"),
    path("confirm/code/", for_signed_in(mfa.reauthenticate), name="mfa_reauthenticate"),
    path(
        "confirm/passkey/",
        for_signed_in(with_passkeys(views.ConfirmByPasskey.as_view())),
        name="mfa_reauthenticate_webauthn",
    ),
    path("security/", views.security, name="mfa_index"),
    path("security/", views.security, name="mfa_list_webauthn"),
    path(
        "security/app/add/",
        for_signed_in(totp.activate_totp),
        name="mfa_activate_totp",
    ),
    path(
        "security/app/remove/",
        for_signed_in(for_who_has(Authenticator.Type.TOTP)(totp.deactivate_totp)),
        name="mfa_deactivate_totp",
    ),
    path(
        "security/codes/",
        for_signed_in(for_who_has(Authenticator.Type.RECOVERY_CODES)(codes.view_recovery_codes)),
        name="mfa_view_recovery_codes",
    ),
    path(
        "security/codes/new/",
        for_signed_in(codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "security/passkeys/add/",
        for_signed_in(with_passkeys(webauthn.add_webauthn)),
        name="mfa_add_webauthn",
    ),
    path(
        "security/passkeys/<int:pk>/",
        for_signed_in(with_passkeys(webauthn.edit_webauthn)),
        name="mfa_edit_webauthn",
    ),
    path(
        "security/passkeys/<int:pk>/remove/",
        for_signed_in(with_passkeys(webauthn.remove_webauthn)),
        name="mfa_remove_webauthn",
    ),
]
