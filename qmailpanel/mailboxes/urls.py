"""The mailboxes of a domain, and one of them."""

from django.urls import include, path

from . import list_views, views
from .delivery import views as delivery_views
from .fullness import views as full_views
from .opening import views as app_views
from .own import door_views, mail_views, security_views
from .own import views as own_views
from .removal import views as removal_views

app_name = "mailboxes"

urlpatterns = [
    path("nearly-full/", full_views.nearly_full, name="full"),
    path("removed/", removal_views.list_removed_anywhere, name="removed_anywhere"),
    path("mailbox/", own_views.own, name="own"),
    path("mailbox/pulse/", own_views.own_pulse, name="own_pulse"),
    path("mailbox/password/", own_views.password, name="own_password"),
    path("mailbox/security/", security_views.own_security, name="own_security"),
    path("mailbox/app-passwords/", own_views.own_app_passwords, name="own_app_passwords"),
    path(
        "mailbox/app-passwords/<int:pk>/remove/",
        own_views.own_remove_app_password,
        name="own_remove_app_password",
    ),
    path("mailbox/sign-ins/", own_views.own_sign_ins, name="own_sign_ins"),
    path("mailbox/programs/", own_views.own_programs, name="own_programs"),
    path("mailbox/welcome/", door_views.welcome, name="welcome"),
    path("mailbox/api/password/", door_views.webmail_password, name="webmail_password"),
    path("mailbox/mail/", mail_views.own_mail, name="own_mail"),
    path(
        "domains/<name:name>/mailboxes/",
        include(
            [
                path("", list_views.list_mailboxes, name="list"),
                path("removed/", removal_views.list_removed, name="removed"),
                path("<int:pk>/", views.detail, name="detail"),
                path("<int:pk>/access/", views.access, name="access"),
                path("<int:pk>/more/", views.more, name="more"),
                path("<int:pk>/mail/", delivery_views.mail, name="mail"),
                path("<int:pk>/password/", views.password, name="password"),
                path("<int:pk>/link/", app_views.link, name="link"),
                path("<int:pk>/opens/", app_views.switches, name="switches"),
                path("<int:pk>/app-passwords/", app_views.list_app_passwords, name="app_passwords"),
                path(
                    "<int:pk>/app-passwords/<int:row>/remove/",
                    app_views.remove_app_password,
                    name="remove_app_password",
                ),
                path(
                    "<int:pk>/second-factor/remove/",
                    app_views.remove_second_factor,
                    name="remove_second_factor",
                ),
                path("<int:pk>/quota/", views.quota, name="quota"),
                path("<int:pk>/rename/", views.rename, name="rename"),
                path("<int:pk>/switch/", views.switch, name="switch"),
                path("<int:pk>/remove/", removal_views.remove, name="remove"),
                path("<int:pk>/restore/", removal_views.restore, name="restore"),
                path("<int:pk>/purge/", removal_views.purge, name="purge"),
                path("<int:pk>/row/", list_views.row, name="row"),
            ]
        ),
    ),
]
