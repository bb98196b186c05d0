from django.urls import path

from . import views

app_name = "find"

urlpatterns = [
    path("find/", views.page, name="page"),
    path("find/route/", views.ask, name="ask"),
    path("find/route/<int:pk>/", views.route, name="route"),
]
