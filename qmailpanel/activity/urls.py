"""The ledger as pages."""

from django.urls import path

from . import views

app_name = "activity"

urlpatterns = [
    path("activity/", views.list_activity, name="list"),
    path("domains/<str:name>/activity/", views.list_of_domain, name="domain"),
]
