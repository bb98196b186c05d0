from django.urls import path

from . import views

app_name = "today"

urlpatterns = [
    path("", views.page, name="page"),
    path("nowhere/", views.nowhere, name="nowhere"),
]
