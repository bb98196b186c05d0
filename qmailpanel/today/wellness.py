"""What is said of all that needs nobody: only what is known to be so."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from qmailpanel.accounts.models import User
from qmailpanel.domains.lists import DomainRow, behind
from qmailpanel.domains.models import Domain
from qmailpanel.reports.models import Survey, SyncNode
from qmailpanel.reports.node import is_alive

from .need import Need

NEWEST = 100  # domains that are asked whether they are live
OLD = timedelta(minutes=30)  # three scrubs
NOT_LIVE = frozenset({"problems", "drifts", "question", "held"})  # what is not as it is wanted


@dataclass(frozen=True)
class State:
    """`is_known`: sync runs, and everything was read back lately. `facts`: some sentences."""

    is_known: bool
    facts: str


def state_of(
    user: User, node: SyncNode | None, rows: Sequence[DomainRow] | None, needs: Collection[Need]
) -> State:
    """`rows`: all domains of the person; None where there are more than a page shows."""
    survey = Survey.objects.filter(node=settings.QMAILPANEL_NODE).first()
    waiting = _count_waiting(user)
    looks = (survey.read_back, survey.at) if survey else (None,)
    is_known = is_alive(node) and all(map(_is_fresh, looks))
    is_live = is_known and not waiting and NOT_LIVE.isdisjoint(need.key for need in needs)
    facts = [
        _say_how_much(user, survey, rows, is_live=is_live),
        _say_waiting(waiting) if waiting else "",
        *_say_looks(survey),
    ]
    return State(is_known=is_known, facts=" ".join(filter(None, facts)))


def _count_waiting(user: User) -> int:
    """Of the domains that were changed last: an older one that is not live failed, or is held."""
    newest = Domain.objects.for_user(user).order_by("-change_id").values_list("pk", flat=True)
    return behind(Domain.objects.filter(pk__in=list(newest[:NEWEST]))).count()


def _is_fresh(at: datetime | None) -> bool:
    return at is not None and at > timezone.now() - OLD


def _say_how_much(
    user: User, survey: Survey | None, rows: Sequence[DomainRow] | None, *, is_live: bool
) -> str:
    domains, mailboxes = _how_many(user, survey, rows)
    said = [ngettext("%(n)s domain", "%(n)s domains", domains) % {"n": intcomma(domains)}]
    if mailboxes is not None:
        text = ngettext("%(n)s mailbox", "%(n)s mailboxes", mailboxes)
        said.append(text % {"n": intcomma(mailboxes)})
    return ", ".join([*said, *([_("all live")] if is_live else [])]) + "."


def _how_many(
    user: User, survey: Survey | None, rows: Sequence[DomainRow] | None
) -> tuple[int, int | None]:
    """Domains and mailboxes; these are unknown where nobody has counted so many."""
    if rows is not None:
        return len(rows), sum(row.size.mailboxes for row in rows)
    if user.is_operator and survey and survey.at:
        return survey.domains, survey.mailboxes
    return Domain.objects.for_user(user).filter(removed=False).count(), None


def _say_waiting(domains: int) -> str:
    text = ngettext("%(n)d domain waits for sync.", "%(n)d domains wait for sync.", domains)
    return text % {"n": domains}


def _say_looks(survey: Survey | None) -> Iterator[str]:
    """When all of it was compared with what is on the disk, and asked where its mail goes."""
    if survey is None or survey.read_back is None:
        yield _("Nothing was read back as a whole yet.")
    else:
        yield _("All was read back at %(at)s.") % {"at": _say_time(survey.read_back)}
    if survey and survey.at:
        yield _("Where mail goes was asked at %(at)s.") % {"at": _say_time(survey.at)}


def _say_time(at: datetime) -> str:
    local = timezone.localtime(at)
    is_today = local.date() == timezone.localdate()
    return date_format(local, "H:i T" if is_today else "Y-m-d H:i T")
