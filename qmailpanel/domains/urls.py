"""Home, the domains, and the pulse."""

from django.urls import path

from . import settings_views, views
from .departed import views as responder_views

app_name = "domains"

urlpatterns = [
    path("", views.home, name="home"),
    path("pulse/", views.pulse, name="pulse"),
    path("domains/", views.list_domains, name="list"),
    path("domains/add/", views.add, name="add"),
    path("domains/<str:name>/", views.detail, name="detail"),
    path("domains/<str:name>/settings/", settings_views.settings, name="settings"),
    path("domains/<str:name>/rename/", settings_views.rename, name="rename"),
    path("domains/<str:name>/switch/", settings_views.switch, name="switch"),
    path(
        "domains/<str:name>/subdomains/", settings_views.switch_subdomains, name="switch_subdomains"
    ),
    path("domains/<str:name>/limits/", settings_views.limits, name="limits"),
    path("domains/<str:name>/responder/", responder_views.responder, name="responder"),
    path("domains/<str:name>/owners/", settings_views.owners, name="owners"),
    path("domains/<str:name>/names/", settings_views.add_name, name="add_name"),
    path(
        "domains/<str:name>/names/<int:pk>/remove/", settings_views.remove_name, name="remove_name"
    ),
    path(
        "domains/<str:name>/names/<int:pk>/restore/",
        settings_views.restore_name,
        name="restore_name",
    ),
    path("domains/<str:name>/remove/", views.remove, name="remove"),
    path("domains/<str:name>/restore/", views.restore, name="restore"),
]
