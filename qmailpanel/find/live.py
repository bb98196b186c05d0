"""The route as it was read from the files, as far as the person may see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext, gettext_lazy

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Claim
from qmailpanel.domains.routes.fates import Fates
from qmailpanel.domains.routes.picture import say_fate
from qmailpanel.domains.routes.sentences import say_verdict
from qmailpanel.qmail.route.ends import End, Fate, Leg, Station, Step
from qmailpanel.qmail.route.verdict import Verdict, verdict
from qmailpanel.sync.models import Errand

WORDS = {
    Step.NO_DOMAIN: gettext_lazy("without a domain it is taken for one of this host"),
    Step.ACCEPTED: gettext_lazy("accepted from outside"),
    Step.ALL_ACCEPTED: gettext_lazy("there is no list of hosts: everything is accepted"),
    Step.NOT_ACCEPTED: gettext_lazy("not in the list of hosts: refused at the door"),
    Step.LISTED: gettext_lazy("a known recipient"),
    Step.NOT_LISTED: gettext_lazy("no known recipient: refused at the door"),
    Step.HACKED: gettext_lazy("the last % is read as @"),
    Step.LOCAL: gettext_lazy("a name of this host itself"),
    Step.VIRTUAL: gettext_lazy("a virtual domain: looked up by this name"),
    Step.REMOTE: gettext_lazy("no domain of this host: it is sent there"),
    Step.ASSIGNED: gettext_lazy("assigned to a home"),
    Step.OUTDATED: gettext_lazy("the compiled map says other than this file: run qmail-newu"),
    Step.USER: gettext_lazy("a user of the system"),
    Step.ALIASES: gettext_lazy("nobody has it: it is looked for among the host's aliases"),
    Step.HOME: gettext_lazy("delivered in this directory, as this user"),
    Step.FILE: gettext_lazy("these instructions are followed"),
    Step.NO_FILE: gettext_lazy("neither this file nor one for unknown names is there"),
    Step.BY_DEFAULT: gettext_lazy("no instructions: delivered as by default"),
    Step.MAILDIR: gettext_lazy("stored in a Maildir"),
    Step.MBOX: gettext_lazy("stored in an mbox"),
    Step.FORWARD: gettext_lazy("forwarded"),
    Step.PROGRAM: gettext_lazy("given to a program"),
    Step.DISCARD: gettext_lazy("nothing to be done: discarded"),
}


@dataclass(frozen=True)
class Line:
    """Where it was looked, and what it means."""

    place: str
    text: str
    meaning: str


@dataclass(frozen=True)
class LegShown:
    """`lines` are for operators. `ends`: what becomes of mail there, in words."""

    address: str
    lines: list[Line]
    ends: list[str]


@dataclass(frozen=True)
class Live:
    """`differs`: the files say otherwise than the rows, so `sentence` is not what the card says."""

    at: datetime
    sentence: str
    differs: bool
    legs: list[LegShown]


def read_live(user: User, errand: Errand, fates: Fates) -> Live | None:
    """None where nothing could be read."""
    legs = _seen(user, [read_leg(each) for each in errand.answer or ()], fates)
    if not legs or errand.answered is None:
        return None
    ends = list(dict.fromkeys(end for leg in legs for end in leg.ends))
    found = _without_answers(errand.about, ends)
    return Live(
        at=errand.answered,
        sentence=say_verdict(errand.about, found, ends),
        differs=found is not fates.verdict(errand.about) and not fates.is_pending(errand.about),
        legs=[_shown(user, leg) for leg in legs],
    )


def _without_answers(about: str, ends: Sequence[End]) -> Verdict:
    """That a mailbox answers too changes nothing about where mail is."""
    kept = [end for end in ends if end.fate is not Fate.ANSWERED]
    return verdict(about, kept or ends)


def read_leg(plain: Any) -> Leg:
    address, stations, ends, nexts = plain
    return Leg(
        address,
        tuple(Station(Step(step), *more) for step, *more in stations),
        tuple(End(at, Fate(fate), text) for at, fate, text in ends),
        tuple(nexts),
    )


def _seen(user: User, legs: Sequence[Leg], fates: Fates) -> list[Leg]:
    """Of a domain of other people no more than the rows tell: what any sender can find out."""
    if user.is_operator:
        return list(legs)
    hosts = {_host(leg.address) for leg in legs}
    mine = Claim.objects.for_user(user).filter(claims=True, name__in=hosts)
    prepends = dict(mine.values_list("name", "domain__prepend"))
    reached, seen = {leg.address.lower() for leg in legs[:1]}, list[Leg]()
    for leg in legs:
        if leg.address.lower() not in reached:
            continue
        own = _is_within(leg, prepends.get(_host(leg.address)))
        seen.append(leg if own else Leg(leg.address, ends=tuple(fates.ends(leg.address))))
        reached |= {there.lower() for there in leg.nexts} if own else set()
    return seen


def _is_within(leg: Leg, prepend: int | None) -> bool:
    """Whether nothing makes mail to it somebody else's: it is looked up in its own domain."""
    virtual = [station.text for station in leg.stations if station.step is Step.VIRTUAL]
    return prepend is not None and [text.partition("-")[0] for text in virtual] == [f"{prepend}"]


def _host(address: str) -> str:
    return address.lower().rpartition("@")[2]


def _shown(user: User, leg: Leg) -> LegShown:
    lines = list(_lines(leg)) if user.is_operator else []
    return LegShown(leg.address, lines, [say_fate(end) for end in leg.ends])


def _lines(leg: Leg) -> Iterator[Line]:
    """Below the mail root, paths are relative to it, as everywhere."""
    for station in leg.stations:
        file = station.file.removeprefix(f"{settings.QMAILPANEL_MAIL_ROOT}/")
        place = f"{file}:{station.line}" if station.line else file
        yield Line(place, station.text, gettext(str(WORDS[station.step])))
