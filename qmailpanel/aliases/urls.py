"""The aliases of a domain, and one of them."""

from django.urls import include, path

from . import further_views, views

app_name = "aliases"

urlpatterns = [
    path(
        "domains/<name:name>/aliases/",
        include(
            [
                path("", views.list_aliases, name="list"),
                path("<int:pk>/", views.detail, name="detail"),
                path("<int:pk>/rename/", views.rename, name="rename"),
                path("<int:pk>/switch/", views.switch, name="switch"),
                path("<int:pk>/remove/", views.remove, name="remove"),
                path("<int:pk>/restore/", views.restore, name="restore"),
                path("<int:pk>/row/", views.row, name="row"),
            ]
        ),
    ),
    path("domains/<name:name>/mailboxes/<int:pk>/aliases/", further_views.further, name="further"),
]
