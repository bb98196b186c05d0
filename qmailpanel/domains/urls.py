"""Home, the domains, and the pulse."""

from django.urls import path

from . import settings_views, views
from .departed import views as responder_views

app_name = "domains"

urlpatterns = [
    path("pulse/", views.pulse, name="pulse"),
    path("domains/", views.list_domains, name="list"),
    path("domains/add/", views.add, name="add"),
    path("domains/<name:name>/", views.detail, name="detail"),
    path("domains/<name:name>/settings/", settings_views.settings, name="settings"),
    path("domains/<name:name>/settings/unknown/", settings_views.unknown, name="unknown"),
    path("domains/<name:name>/settings/names/", settings_views.names, name="names"),
    path("domains/<name:name>/settings/limits/", settings_views.limits, name="limits"),
    path("domains/<name:name>/settings/owners/", settings_views.owners, name="owners"),
    path("domains/<name:name>/rename/", settings_views.rename, name="rename"),
    path("domains/<name:name>/switch/", settings_views.switch, name="switch"),
    path(
        "domains/<name:name>/subdomains/",
        settings_views.switch_subdomains,
        name="switch_subdomains",
    ),
    path("domains/<name:name>/limits/", settings_views.change_limits, name="change_limits"),
    path("domains/<name:name>/responder/", responder_views.responder, name="responder"),
    path("domains/<name:name>/names/", settings_views.add_name, name="add_name"),
    path(
        "domains/<name:name>/names/<int:pk>/remove/", settings_views.remove_name, name="remove_name"
    ),
    path(
        "domains/<name:name>/names/<int:pk>/restore/",
        settings_views.restore_name,
        name="restore_name",
    ),
    path(
        "domains/<name:name>/names/<int:pk>/elsewhere/",
        settings_views.name_elsewhere,
        name="name_elsewhere",
    ),
    path("domains/<name:name>/elsewhere/", settings_views.elsewhere, name="elsewhere"),
    path("domains/<name:name>/remove/", views.remove, name="remove"),
    path("domains/<name:name>/restore/", views.restore, name="restore"),
]
