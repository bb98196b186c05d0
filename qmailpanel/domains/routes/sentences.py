"""Where mail to an address goes, in one sentence and in a word with its colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.qmail.route.verdict import Verdict
from qmailpanel.reports.statuses import Status
from qmailpanel.web.templatetags.panel import icon

from .fates import Fates

NAMED = 3  # addresses in one sentence
WORDS = {
    Verdict.ARRIVES: gettext_lazy("Arrives here"),
    Verdict.GOES_ON: gettext_lazy("Goes on"),
    Verdict.BOTH: gettext_lazy("Arrives and goes on"),
    Verdict.ANSWERED: gettext_lazy("Is answered"),
    Verdict.LEAVES: gettext_lazy("Leaves this host"),
    Verdict.RETURNS: gettext_lazy("Goes back"),
    Verdict.WAITS: gettext_lazy("Waits"),
    Verdict.DISCARDED: gettext_lazy("Is discarded"),
    Verdict.UNKNOWN: gettext_lazy("Nobody knows"),
}
SENTENCES = {
    Verdict.ARRIVES: gettext_lazy("Mail to %(address)s arrives here."),
    Verdict.GOES_ON: gettext_lazy("Mail to %(address)s goes on to %(others)s."),
    Verdict.BOTH: gettext_lazy("Mail to %(address)s arrives here and goes on to %(others)s."),
    Verdict.ANSWERED: gettext_lazy("Mail to %(address)s is answered, and kept nowhere."),
    Verdict.LEAVES: gettext_lazy("Mail to %(address)s leaves this host."),
    Verdict.RETURNS: gettext_lazy("Mail to %(address)s goes back to the sender."),
    Verdict.WAITS: gettext_lazy("Mail to %(address)s waits at this mail server."),
    Verdict.DISCARDED: gettext_lazy("Mail to %(address)s is discarded: its sender hears nothing."),
    Verdict.UNKNOWN: gettext_lazy("Nobody knows where mail to %(address)s goes."),
}
LEAVES_FOR = gettext_lazy("Mail to %(address)s leaves this host for %(others)s.")
MIXED = {  # where a part of it arrives all the same
    Verdict.RETURNS: gettext_lazy(
        "Mail to %(address)s goes to %(others)s, and for %(lost)s back to the sender."
    ),
    Verdict.WAITS: gettext_lazy("Mail to %(address)s goes to %(others)s, and waits for %(lost)s."),
    Verdict.DISCARDED: gettext_lazy(
        "Mail to %(address)s goes to %(others)s, and is discarded for %(lost)s."
    ),
    Verdict.UNKNOWN: gettext_lazy(
        "Mail to %(address)s goes to %(others)s; nobody knows where it goes for %(lost)s."
    ),
}
KEPT = frozenset({Fate.ARRIVES, Fate.ANSWERED, Fate.GOES_ON})
TAKEN = frozenset({Verdict.ARRIVES, Verdict.GOES_ON, Verdict.BOTH, Verdict.ANSWERED})
BAD = frozenset({Verdict.RETURNS, Verdict.DISCARDED, Verdict.UNKNOWN, Verdict.WAITS})


def mark_of(verdict: Verdict, *, is_pending: bool = False) -> SafeString:
    """Icon and word, in the colour that `shape_of` says."""
    shape = shape_of(verdict, is_pending=is_pending)
    tone = shape or "settled"
    return format_html(
        '<span class="status {}">{}{}</span>', tone, icon(shape) if shape else "", WORDS[verdict]
    )


def shape_of(verdict: Verdict, *, is_pending: bool = False) -> Status | None:
    """`Status.LIVE`, which is green, where mail is taken here now, and nowhere else."""
    if verdict in BAD:
        return Status.FAILED
    if is_pending:
        return Status.PENDING
    return Status.LIVE if verdict in TAKEN else None


def say_route(address: str, fates: Fates) -> str:
    """Where mail to the address goes, as the rows say it."""
    return say_verdict(address, fates.verdict(address), fates.ends(address))


def say_verdict(address: str, verdict: Verdict, ends: Sequence[End]) -> str:
    """The whole of it. Of many addresses the first few are named."""
    others = _named(end for end in ends if end.fate in KEPT and end.address != address)
    lost = _named(end for end in ends if end.fate not in KEPT)
    is_mixed = verdict in MIXED and any(end.fate in KEPT for end in ends)
    said = MIXED[verdict] if is_mixed else SENTENCES[verdict]
    if verdict is Verdict.LEAVES and others:
        said = LEAVES_FOR
    return str(said) % {"address": address, "others": others or address, "lost": lost}


def _named(ends: Iterable[End]) -> str:
    named = list(dict.fromkeys(end.address for end in ends))
    rest = len(named) - NAMED
    text = ", ".join(named[:NAMED])
    return _("%(some)s and %(n)d more") % {"some": text, "n": rest} if rest > 0 else text
