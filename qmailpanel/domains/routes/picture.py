"""The route of a mail as a picture: from whoever sends it to where it is delivered or refused.

Operators see what stands in the files of the host; all others see addresses alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext as _

from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.qmail.layout.domain import DOMAIN_OFF, NO_MAILBOX
from qmailpanel.qmail.layout.leaving import NOT_SERVED
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.route.ends import End, Fate
from qmailpanel.qmail.route.verdict import verdict
from qmailpanel.reports.statuses import Status

from .fates import LOST, Fates
from .sentences import shape_of

Hops = list[list["Node"]]
DRAWN = 5  # destinations of one alias
TONES: dict[Status | None, str] = {Status.LIVE: "end", Status.FAILED: "stopped"}
WORDS = {
    Fate.ARRIVES: gettext_noop("arrives here"),
    Fate.ANSWERED: gettext_noop("answered as people who left are"),
    Fate.GOES_ON: gettext_noop("forwarded"),
    Fate.WAITS: gettext_noop("on hold: waits at this mail server"),
    Fate.FULL: gettext_noop("full: goes back to the sender"),
    Fate.NOBODY: gettext_noop("nobody has this address: goes back to the sender"),
    Fate.RETURNS: gettext_noop("goes back to the sender: %(text)s"),
    Fate.DISCARDED: gettext_noop("discarded: the sender hears nothing"),
    Fate.FURTHER: gettext_noop("goes on further than is shown here"),
    Fate.UNSURE: gettext_noop("stands otherwise on the mail server: nobody knows"),
}


@dataclass(frozen=True, slots=True)
class Node:
    """One box: an address or what stands in a file, what happens there, and how it is drawn.

    `tone`: "end" where mail arrives now, "stopped" where it does not, else nothing. `is_pending`:
    so it will be once it is live.
    """

    text: str
    caption: str = ""
    tone: str = ""
    is_pending: bool = False


def route_of(address: Address, fates: Fates) -> Hops:
    """The route of mail to an address, to its ends."""
    domain, here = address.domain, str(address)
    stop = fates.stop(here)
    nodes = [_own_node(end, fates) for end in stop.ends]
    ends = _until_live([*nodes, *_target_nodes(stop.nexts, fates, domain)], stop.is_pending)
    accepted = _accepted(domain, address.local, _("looked up in users/cdb"))
    way = _way(accepted, Node(here), fates)
    return _route(domain, way, ends, fates)


def route_of_unknown(domain: Domain, fates: Fates) -> Hops:
    """The route of mail to addresses nobody claimed."""
    if domain.unknown == Unknown.REFUSE and domain.enabled and not domain.removed:
        return [[Node("", _("sender"), "start")], [_refused(_("not a known recipient"))]]
    caption = _("nobody claimed the address")
    way = _way(_accepted(domain, "default", caption), Node("", caption), fates)
    return _route(domain, way, [_unknown(domain, fates)], fates)


def route_to(address: str, fates: Fates) -> Hops:
    """The route of mail to whatever address was typed, whoever has it."""
    stop = fates.stop(address)
    start, here = Node("", _("sender"), "start"), Node(address.lower(), "")
    nodes = [_end_node(end) for end in stop.ends]
    nodes += [_any_target(target, fates) for target in stop.nexts[:DRAWN]]
    return [[start], [here], _until_live(nodes, stop.is_pending)]


def _end_node(end: End) -> Node:
    return Node(end.text if end.fate in LOST else "", say_fate(end), _tone([end]))


def _any_target(target: str, fates: Fates) -> Node:
    ends = fates.ends(target)
    (node,) = _until_live(
        [Node(target, say_fates(target, ends), _tone(ends))], fates.is_pending(target)
    )
    return node


def _route(domain: Domain, way: Hops, ends: list[Node], fates: Fates) -> Hops:
    start = [Node("", _("sender"), "start")]
    if domain.removed or not domain.enabled:
        door = _refused(_("not in rcpthosts") if fates.user.is_operator else "")
        return [start, [door, *_refused_behind_the_door(domain)]]
    return [start, *way, ends]


def _way(in_files: Hops, in_words: Node, fates: Fates) -> Hops:
    return in_files if fates.user.is_operator else [[in_words]]


def _accepted(domain: Domain, local: str, caption: str) -> Hops:
    """What the files of the host make of an address before it is delivered."""
    door = Node(domain.name, _("accepted: in rcpthosts"))
    return [[door], [Node(f"{domain.prepend}-{local}", caption)]]


def _refused_behind_the_door(domain: Domain) -> list[Node]:
    """What mail of this host itself meets, and of sessions that were open before."""
    if domain.removed and not domain.leaving:
        return []
    text = NOT_SERVED if domain.removed else DOMAIN_OFF
    return [Node(text, _("goes back to whoever sends it from here"), "stopped")]


def _refused(text: str) -> Node:
    return Node(text, _("refused"), "stopped")


def _unknown(domain: Domain, fates: Fates) -> Node:
    stop = fates.stop(f"@{domain.name}")
    unsure = [end for end in stop.ends if end.fate is Fate.UNSURE]
    if unsure:
        return _own_node(unsure[0], fates)
    (node,) = _until_live([_wanted_of_unknown(domain, fates)], stop.is_pending)
    return node


def _wanted_of_unknown(domain: Domain, fates: Fates) -> Node:
    if domain.unknown == Unknown.BOUNCE:
        text = domain.unknown_text or NO_MAILBOX
        return Node(text, _("goes back to the sender"), "stopped")
    if domain.unknown == Unknown.DISCARD:
        return Node(_("discarded"), _("the sender hears nothing"), "stopped")
    return _target_node(domain.unknown_target, fates, domain)


def _own_node(end: End, fates: Fates) -> Node:
    """What ends at the address that the picture is of."""
    local = end.address.rpartition("@")[0]
    match end.fate:
        case Fate.ARRIVES if fates.user.is_operator:
            return _maildir(local)
        case Fate.ARRIVES:
            return Node("", _("arrives in this mailbox"), "end")
        case Fate.RETURNS | Fate.NOBODY:
            return Node(end.text, _("goes back to the sender"), "stopped")
        case Fate.FULL if fates.user.is_operator:
            return Node(f"{local}/Maildir/", say_fate(end), "stopped")
    return Node("", say_fate(end), _tone([end]))


def _maildir(local: str) -> Node:
    user = MailUser.parse(settings.QMAILPANEL_MAIL_USER).name
    return Node(f"{local}/Maildir/", _("delivered as %(user)s") % {"user": user}, "end")


def _target_nodes(targets: Sequence[str], fates: Fates, domain: Domain) -> list[Node]:
    """The addresses that mail goes on to; of many, the first few are drawn."""
    fates.read(targets)
    nodes = [_target_node(target, fates, domain) for target in targets[:DRAWN]]
    rest = targets[DRAWN:]
    if not rest:
        return nodes
    ends = [end for target in rest for end in fates.ends(target)]
    more = Node("", _("and %(n)d more") % {"n": len(rest)}, _tone(ends))
    return [*nodes, *_until_live([more], any(map(fates.is_pending, rest)))]


def _target_node(target: str, fates: Fates, domain: Domain) -> Node:
    """An address that mail goes on to, as far as it is live."""
    wanted = [_wanted_node(target, fates, domain)]
    (node,) = _until_live(wanted, fates.is_pending(target))
    return node


def _wanted_node(target: str, fates: Fates, domain: Domain) -> Node:
    """The same once it is live; of a mailbox of the same domain its Maildir."""
    ends, (local, _at, host) = fates.ends(target), target.lower().rpartition("@")
    is_here = host == domain.name and ends == [End(target.lower(), Fate.ARRIVES)]
    if is_here and fates.user.is_operator:
        return _maildir(local)
    return Node(target, say_fates(target, ends), _tone(ends))


def _until_live(nodes: list[Node], is_pending: bool) -> list[Node]:
    """What is not live yet is drawn as what will be, and never green."""
    if not is_pending:
        return nodes
    return [
        replace(node, tone="" if node.tone == "end" else node.tone, is_pending=True)
        for node in nodes
    ]


def _tone(ends: Iterable[End]) -> str:
    return TONES.get(shape_of(verdict("", list(ends))), "")


def say_fates(target: str, ends: Iterable[End]) -> str:
    """What becomes of mail to the target, in a few words for each end."""
    return "; ".join(
        say_fate(end) if end.address == target.lower() else f"{end.address}: {say_fate(end)}"
        for end in ends
    )


def say_fate(end: End) -> str:
    """What becomes of mail at one of its ends, in a few words."""
    return gettext(WORDS[end.fate]) % {"text": end.text}


def say_loss(targets: Sequence[str], fates: Fates) -> str:
    """That of the targets at which not all mail arrives, and what becomes of it; else nothing."""
    for target in targets:
        lost = [end for end in fates.ends(target) if _tone([end]) == "stopped"]
        if lost:
            return f"{target}: {say_fates(target, lost)}"
    return ""
