"""What the operator must say yes to before a plan is carried out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.missing_files import hosted_names
from qmailpanel.qmail.plan.state import Actual, Applied, Section, Wanted, lines_of

MANY_DROPS, MANY_SHARE = 20, 0.30
LEDGER_MARK = "users/.qmailpanel.ledger"  # says which change the host was made from
ANY_DROPS = "any drops"  # confirmed with what was said of the whole database


class LedgerEnd(NamedTuple):
    """The newest change of a ledger, with the digest that binds it to all before it."""

    change: int
    digest: str


@dataclass(frozen=True, slots=True)
class Question:
    """`digest` names this very plan: the yes to it is a yes to no other."""

    digest: str
    text: str


def ask_about_rcpthosts(actual: Actual) -> Question | None:
    """A missing rcpthosts on a host that serves other domains."""
    if actual.shared[Shared.RCPT].content is not None:
        return None
    names = hosted_names(actual)
    if not names:
        return None
    listed = b"".join(names).decode("utf-8", "backslashreplace")
    return Question(
        _digest(names),
        "control/rcpthosts is missing: qmail-smtpd relays for everybody. "
        f"It would be written with the names this host serves:\n{listed}",
    )


def ask_about_ledger(
    known: LedgerEnd, now: LedgerEnd, wanted: Sequence[Wanted], applied: Applied
) -> Question:
    """The host was made from change `known`, which the database does not have."""
    drops = sorted(_lines_of_none(wanted, applied))
    what = "is older than" if now.change < known.change else "is another one than"
    listed = b"".join(drops[:10]).decode("utf-8", "backslashreplace")
    return Question(
        _digest([f"{known.change} {known.digest}\n".encode(), *drops]),
        f"The database {what} the one this host was made from: change {known.change} is not in "
        f"it, it ends at {now.change}. If there is a newer one, put that back: then nothing is "
        "asked. Until you say yes nothing is applied; with your yes the host becomes as this "
        f"database says, and {len(drops)} live assignments are dropped. The first of them:\n"
        f"{listed}",
    )


def _lines_of_none(wanted: Sequence[Wanted], applied: Applied) -> set[bytes]:
    """The assignments that were applied and are wanted no more."""
    kept = {line for one in wanted for line in _assignments(one.section)}
    sections = (section for before in applied.values() for section in before)
    return {line for section in sections for line in _assignments(section)} - kept


def _assignments(section: Section) -> Iterable[bytes]:
    return lines_of(section, Shared.ASSIGN).values()


def ask_about_drops(drafts: Sequence[Draft], actual: Actual) -> Question | None:
    """Many assignments that would go though nobody removed them."""
    drops = sorted(line for draft in drafts for line in draft.unasked_drops())
    if len(drops) <= MANY_DROPS:
        return None
    total = sum(text.count(b"\n") for _, text in actual.shared[Shared.ASSIGN].sections.values())
    if len(drops) <= MANY_SHARE * total:
        return None
    shown = b"".join(drops[:10]).decode("utf-8", "backslashreplace")
    return Question(
        _digest(drops),
        f"{len(drops)} of {total} live assignments would be dropped though nobody removed them "
        f"here. Was the database restored or replaced? The first of them:\n{shown}",
    )


def _digest(lines: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()
