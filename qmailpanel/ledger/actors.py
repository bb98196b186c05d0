"""Who does something, and how a service says no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext

from qmailpanel.qmail.names import InvalidName

Parsed = TypeVar("Parsed", bound=str)


class Refused(ValueError):
    """The person's error: a sentence, and the form field it belongs to ("" for none)."""

    def __init__(self, template: str, field: str = "", **params: object) -> None:
        super().__init__(template, field, params)
        self.template, self.field, self.params = template, field, params

    def __str__(self) -> str:
        return gettext(self.template) % self.params


def parsed(kind: Callable[[str], Parsed], text: str, field: str) -> Parsed:
    """What somebody typed into that field, as a parsed type. Raises Refused."""
    try:
        return kind(text)
    except InvalidName as error:
        raise Refused(error.template, field, **error.params) from error


@dataclass(frozen=True)
class Actor:
    """Who does something: a signed-in person, or `is_trusted`: the command line, the system."""

    user_id: int | None
    name: str
    ip: str | None
    is_trusted: bool = False

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """The signed-in person of a request."""
        return cls(request.user.pk, str(request.user), request.META.get("REMOTE_ADDR") or None)


SYSTEM = Actor(None, "system", None, is_trusted=True)
COMMAND = Actor(None, "command line", None, is_trusted=True)
