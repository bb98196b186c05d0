"""The mailboxes of a domain, and one of them."""

from django.urls import include, path

from . import delivery_views, own_views, views

app_name = "mailboxes"

urlpatterns = [
    path("mailbox/", own_views.own, name="own"),
    path("mailbox/mail/", delivery_views.own_mail, name="own_mail"),
    path(
        "domains/<str:name>/mailboxes/",
        include(
            [
                path("", views.list_mailboxes, name="list"),
                path("<int:pk>/", views.detail, name="detail"),
                path("<int:pk>/mail/", delivery_views.mail, name="mail"),
                path("<int:pk>/password/", views.password, name="password"),
                path("<int:pk>/quota/", views.quota, name="quota"),
                path("<int:pk>/rename/", views.rename, name="rename"),
                path("<int:pk>/switch/", views.switch, name="switch"),
                path("<int:pk>/remove/", views.remove, name="remove"),
                path("<int:pk>/restore/", views.restore, name="restore"),
                path("<int:pk>/row/", views.row, name="row"),
            ]
        ),
    ),
]
