"""Home, the domains, and the pulse."""

from django.urls import path

from . import views

app_name = "domains"

urlpatterns = [
    path("", views.home, name="home"),
    path("pulse/", views.pulse, name="pulse"),
    path("domains/", views.list_domains, name="list"),
    path("domains/add/", views.add, name="add"),
    path("domains/<str:name>/", views.detail, name="detail"),
    path("domains/<str:name>/settings/", views.settings, name="settings"),
    path("domains/<str:name>/switch/", views.switch, name="switch"),
    path("domains/<str:name>/remove/", views.remove, name="remove"),
    path("domains/<str:name>/restore/", views.restore, name="restore"),
]
