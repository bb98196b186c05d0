"""The ledger as pages and files."""

from django.urls import path

from . import views

app_name = "activity"

urlpatterns = [
    path("activity/", views.list_activity, name="list"),
    path("activity/export.csv", views.export_activity, name="export"),
    path("domains/<name:name>/activity/", views.list_of_domain, name="domain"),
    path("domains/<name:name>/activity/export.csv", views.export_of_domain, name="export_domain"),
]
