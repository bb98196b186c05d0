"""People and what they were given; invitations; names that were asked for."""

from django.urls import path

from . import account_views, invited_views, request_views, views
from .person import views as person_views

app_name = "people"

urlpatterns = [
    path("people/", account_views.people, name="list"),
    path("people/invite/", account_views.invite_operator, name="invite_operator"),
    path("people/<int:pk>/", person_views.person, name="person"),
    path("people/<int:pk>/rights/", person_views.change, name="change"),
    path("people/<int:pk>/domains/", person_views.add, name="add"),
    path("people/<int:pk>/switch/", account_views.switch, name="switch"),
    path("people/<int:pk>/demote/", account_views.demote, name="demote"),
    path("invitation/", invited_views.accept, name="accept"),
    path("invitations/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("domains/<name:name>/people/", views.of_domain, name="of_domain"),
    path("domains/<name:name>/people/<int:pk>/", views.grant, name="grant"),
    path("domains/<name:name>/people/<int:pk>/revoke/", views.revoke, name="revoke"),
    path("domains/<name:name>/names/ask/", request_views.ask_name, name="ask_name"),
    path("requests/", request_views.ask, name="requests"),
    path("requests/<int:pk>/prove/", request_views.prove, name="prove"),
    path("requests/<int:pk>/withdraw/", request_views.withdraw, name="withdraw_request"),
    path("requests/<int:pk>/accept/", request_views.accept, name="accept_request"),
    path("requests/<int:pk>/decline/", request_views.decline, name="decline_request"),
]
