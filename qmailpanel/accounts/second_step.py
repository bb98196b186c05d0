"""The code or the passkey after the password."""

from __future__ import annotations

from typing import Any

from allauth.mfa.stages import AuthenticateStage
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from .models import User

WHO = "who"  # in the state of the stage: whose password was right, and what it bound sessions to


class SecondStep(AuthenticateStage):  # type: ignore[misc]  # allauth has no types
    """For owners too, and only as long as the password that was typed is the right one.

    allauth looks for whoever signs in among `User.objects`, which has no owners.
    """

    def __init__(self, controller: Any, request: HttpRequest, login: Any) -> None:
        super().__init__(controller, request, login)
        if WHO in self.state:
            login.user = _still(*self.state[WHO])

    def handle(self) -> tuple[Any, bool]:
        user = self.login.user
        self.state[WHO] = [user.pk, user.get_session_auth_hash()]
        response, goes_on = super().handle()
        return response, goes_on

    def is_resumable(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's name
        return not self.login.user.is_anonymous


def _still(pk: int, bound_to: str) -> User | AnonymousUser:
    """Whoever it is, unless somebody switched them off or set another password meanwhile."""
    user = User.everybody.filter(pk=pk, is_active=True).first()
    is_same = user and constant_time_compare(bound_to, user.get_session_auth_hash())
    return user if user and is_same else AnonymousUser()
