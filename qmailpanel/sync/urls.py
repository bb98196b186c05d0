"""The operator's view of the sync service and of the host."""

from django.urls import path

from . import views

app_name = "sync"

urlpatterns = [
    path("sync/", views.page, name="page"),
    path("sync/plan/", views.plan, name="plan"),
    path("sync/host/", views.host, name="host"),
    path("sync/questions/<int:pk>/", views.answer, name="answer"),
]
