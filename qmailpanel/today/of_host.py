"""What of the host needs an operator: of each kind a line."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.accounts.models import User
from qmailpanel.people.models import NameRequest, Outcome
from qmailpanel.qmail.doctor import Severity
from qmailpanel.qmail.names import display_of
from qmailpanel.reports.models import SyncNode
from qmailpanel.reports.node import is_alive
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import HostFinding, SyncDrift, SyncQuestion

from .need import COUNTED, SHOWN, Item, Need, say_more, say_number

LONGEST = 120  # of a line of a file
HARMFUL = (Severity.ALARM, Severity.TROUBLE)


def needs_of_host(user: User, node: SyncNode | None) -> Iterator[Need]:
    """Those of an operator."""
    yield from _of_findings(user)
    if not is_alive(node):
        yield _service_down(node)
    yield from _of_drifts(user)
    yield from _of_questions(user)
    if node and node.holding:
        yield _held(node.holding)
    yield from _of_requests(user)


def _service_down(node: SyncNode | None) -> Need:
    seen = node.heartbeat if node else None
    at = date_format(localtime(seen), "Y-m-d H:i T") if seen else ""
    return Need(
        key="down",
        tone=Status.PENDING,
        words=_("The sync service is not running"),
        said=_("What is live stays live; changes become live when it runs again."),
        items=[Item(_("last seen %(at)s") % {"at": at})] if at else [],
        act=_("Look at it"),
        href=reverse("console:page"),
    )


def _of_findings(user: User) -> Iterator[Need]:
    """What loses or delays mail; what is only good to know needs nobody."""
    rows = (
        HostFinding.objects.for_user(user).filter(severity__in=HARMFUL).order_by("severity", "pk")
    )
    found = list(rows[: COUNTED + 1])
    if not found:
        return
    words = ngettext("The doctor found something", "The doctor found %(n)s things", len(found))
    yield Need(
        key="findings",
        tone=Status.FAILED,
        words=words % {"n": say_number(len(found))},
        items=(items := [Item(_code(row.place), said=row.said) for row in found[:SHOWN]]),
        more=say_more(len(found), items),
        act=_("See the remedy"),
        href=reverse("console:doctor"),
    )


def _of_drifts(user: User) -> Iterator[Need]:
    rows = SyncDrift.objects.for_user(user).undecided().order_by("domain", "file", "key")
    found = list(rows[: COUNTED + 1])
    if not found:
        return
    words = ngettext("Changed by hand", "%(n)s changed by hand", len(found))
    yield Need(
        key="drifts",
        tone=Status.PENDING,
        words=words % {"n": say_number(len(found))},
        items=(items := [_drift_item(row) for row in found[:SHOWN]]),
        more=say_more(len(found), items),
        act=_("Decide"),
        href=reverse("console:host"),
    )


def _drift_item(row: SyncDrift) -> Item:
    first = row.actual.partition("\n")[0][:LONGEST]
    said = _("It stands there as somebody changed it.") if row.actual else _("Somebody removed it.")
    return Item(_code(f"{row.file} {row.key}".strip()), said=said, cause=first)


def _code(text: str) -> SafeString:
    return format_html("<code>{}</code>", text)


def _of_questions(user: User) -> Iterator[Need]:
    asked = SyncQuestion.objects.for_user(user).filter(answer=None).order_by("asked").first()
    if asked:
        yield Need(
            key="question",
            tone=Status.PENDING,
            words=_("A plan waits for your yes"),
            said=asked.text.partition("\n")[0][:LONGEST],
            act=_("Look at it"),
            href=reverse("console:page"),
        )


def _held(domains: int) -> Need:
    said = ngettext(
        "%(n)d domain waits until you apply its changes.",
        "%(n)d domains wait until you apply their changes.",
        domains,
    )
    return Need(
        key="held",
        tone=Status.PENDING,
        words=_("Changes are held"),
        said=said % {"n": domains},
        act=_("Look at the plan"),
        href=reverse("console:page"),
    )


def _of_requests(user: User) -> Iterator[Need]:
    asked = NameRequest.objects.for_user(user).filter(outcome=Outcome.OPEN)
    found = list(asked.select_related("person").order_by("asked", "id")[: COUNTED + 1])
    if not found:
        return
    words = ngettext("Asked for", "%(n)s are asked for", len(found))
    yield Need(
        key="requests",
        tone=Status.PENDING,
        words=words % {"n": say_number(len(found))},
        items=(items := [_request_item(row) for row in found[:SHOWN]]),
        more=say_more(len(found), items),
        act=_("Answer"),
        href=reverse("people:requests"),
    )


def _request_item(row: NameRequest) -> Item:
    named = {"person": row.person, "day": date_format(localtime(row.asked), "Y-m-d")}
    return Item(display_of(row.name), said=_("by %(person)s, since %(day)s") % named)
