"""What can go wrong on the host."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class HostError(Exception):
    """The run cannot go on: `text` for everybody, `cause` for operators."""

    def __init__(self, text: str, cause: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.cause = cause or text


class Busy(HostError):
    """Another qmailsync is at work on this qmail home."""


class Raced(Exception):
    """A file is not what was observed: somebody else wrote it. Observe and plan again."""


class StepFailed(Exception):
    """One path could not be made or removed; the others are not concerned."""


def or_host_error(do: Callable[P, R]) -> Callable[P, R]:
    """What the system refuses and nobody nearer could say more about is a HostError."""

    @wraps(do)
    def guarded(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return do(*arguments, **options)
        except OSError as error:
            text = "The mail server's files could not be read or written. It is tried again."
            what = do.__name__.strip("_").replace("_", " ")
            raise HostError(text, f"{what}: {error}") from error

    return guarded
