"""The operator's view of the sync service and of the host."""

from django.urls import path

from . import doctor_views, history_views, host_views, views

app_name = "console"

urlpatterns = [
    path("sync/", views.page, name="page"),
    path("sync/hold/", views.hold, name="hold"),
    path("sync/apply/", views.apply, name="apply"),
    path("sync/plan/", views.plan, name="plan"),
    path("sync/host/", host_views.host, name="host"),
    path("sync/drifts/<int:pk>/", host_views.decide, name="decide"),
    path("sync/drifts/of/<name:name>/", host_views.decide_of, name="decide_of"),
    path("sync/kept/<int:pk>/", host_views.put_back, name="put_back"),
    path("sync/adopt/", host_views.adopt, name="adopt"),
    path("sync/history/", history_views.history, name="history"),
    path("sync/history/compare/", history_views.compare, name="compare"),
    path("sync/history/<int:pk>/back/", history_views.back, name="back"),
    path("sync/doctor/", doctor_views.doctor, name="doctor"),
    path("sync/doctor/again/", doctor_views.look_again, name="look_again"),
    path("sync/questions/<int:pk>/", views.answer, name="answer"),
]
