"""The banner over a page: what it means for mail, and what happens next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.environment.installed import sync_command
from qmailpanel.reports.models import SyncNode, SyncProblem
from qmailpanel.reports.node import is_alive

WAITING, FAILED = "waiting", "failed"  # tones of a notice
FIRST_WAIT, LAST_WAIT = 100, 5000  # ms between two looks of the pulse


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner: what it means for mail and what happens next; the cause is for operators.

    Of long work also how many of its steps are done. `route`: the operator's page that says more,
    and what its link says. `is_private`: the whole of it is for operators.
    """

    tone: str
    text: str
    cause: str = ""
    done: int = 0
    total: int = 0
    route: str = ""
    link: str = ""
    is_private: bool = False


def make_notices(
    problems: Iterable[SyncProblem], node: SyncNode | None, *, is_waiting: bool = True
) -> list[Notice]:
    """What the banner shows. `is_waiting`: long work of the service may concern what is shown."""
    failed = [Notice(FAILED, problem.text, problem.cause) for problem in problems]
    return [*_of_service(node, is_waiting=is_waiting), *failed, *_for_operators(node)]


def _of_service(node: SyncNode | None, *, is_waiting: bool) -> Iterator[Notice]:
    if node is None or not is_alive(node):
        yield _waiting()
        return
    if node.holding:
        yield _holding()
    if node.total and is_waiting:
        yield _working(node.done, node.total)


def _working(done: int, total: int) -> Notice:
    text = _("Saved, and being made live: %(done)s of %(total)s steps are done.")
    counts = (number_format(count, force_grouping=True) for count in (done, total))
    named = dict(zip(("done", "total"), counts, strict=True))
    return Notice(WAITING, text % named, done=done, total=total)


def _holding() -> Notice:
    text = _("Saved, waiting: changes are held until an operator has looked at them.")
    return Notice(WAITING, text, route="console:page", link=_("Look at the plan and apply it"))


def _for_operators(node: SyncNode | None) -> Iterator[Notice]:
    if node and node.drifts:
        yield _drift(node.drifts)
    if node and node.alarms:
        yield _alarm()


def _drift(count: int) -> Notice:
    text = ngettext(
        "A line or file on the host is not as the panel left it. It stays so until you decide.",
        "%(count)d lines or files on the host are not as the panel left them."
        " They stay so until you decide.",
        count,
    )
    sentence, link = text % {"count": count}, _("Decide on it")
    return Notice(WAITING, sentence, route="console:host", link=link, is_private=True)


def _alarm() -> Notice:
    text = _("The doctor found what makes this host lose, refuse or relay mail.")
    link = _("See what, and the remedy")
    return Notice(FAILED, text, route="console:doctor", link=link, is_private=True)


def _waiting() -> Notice:
    text = _("Saved, waiting: the sync service is not running.")
    then = _("What is live stays live; changes become live when it runs again.")
    start = _("Start it with: %(command)s") % {"command": sync_command()}
    return Notice(WAITING, f"{text} {then}", start)


def around(notices: Iterable[Notice], *, wait: int = 0) -> dict[str, Any]:
    """The context of components/around.html; the pulse sleeps unless there is a wait."""
    shown = list(notices)
    key = crc32(repr(shown).encode())
    return {"notices": shown, "notices_key": f"{key:x}", "pulse": wait}
