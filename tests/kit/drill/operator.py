"""What the operator of a drill does: answers questions, and clears up what the panel shows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from django.core.management import call_command

from qmailpanel.console.decisions import put_ours_back
from qmailpanel.domains.models import Address, Claim, Domain, Kind
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.reports.statuses import Statuses
from qmailpanel.sync.models import SyncDrift, SyncQuestion
from qmailpanel.sync.services import answer_question
from tests.kit.drill.world import ADDRESSES, NAMES, World


class Operator:
    def __init__(self, world: World) -> None:
        self.world = world
        self.acts: dict[str, Callable[[int], object]] = {
            "yes": self.say_yes,
            "no": self.say_no,
            "by hand": self.take_lines_out,
        }

    def say_yes(self, number: int) -> None:
        question = SyncQuestion.objects.filter(answer=None).first()
        self.world.said_yes |= question is not None
        if question and number % 2:
            answer_question(SYSTEM, question)
        elif question:
            call_command("qmailsync", answer="yes", stdout=_Silent())

    def say_no(self, _number: int) -> None:
        if SyncQuestion.objects.filter(answer=None).exists():
            call_command("qmailsync", answer="no", stdout=_Silent())

    def take_lines_out(self, number: int) -> None:
        """Of a name that the database does not have, because others shall have it."""
        name = NAMES[number % len(NAMES)]
        if Claim.objects.filter(name=name, claims=True).exists():
            raise Refused("a domain of the panel")
        before = {address: self.world.ends(address) for address in ADDRESSES}
        for shared in (Shared.VIRTUAL, Shared.RCPT):
            self._take_out(shared, {name, f".{name}"})
        for address in ADDRESSES:
            ends = self.world.ends(address)
            if ends != before[address]:
                self.world.known.live[address] = frozenset(map(self.world.whose, ends))
        for key in (name, f".{name}"):
            self.world.known.served.pop(key, None)

    def _take_out(self, shared: str, keys: set[str]) -> None:
        """The lines that begin with one of the keys."""
        lines = self.world.panel.read(shared).splitlines(keepends=True)
        kept = [line for line in lines if line.strip().partition(b":")[0].decode() not in keys]
        self.world.panel.write(shared, b"".join(kept))

    def clear_up(self) -> bool:
        """As the panel says. Whether there was anything."""
        drifts = [one for one in SyncDrift.objects.all() if one.domain]
        for drift in drifts:
            put_ours_back(SYSTEM, drift)
        domains, boxes = _why_domains(), _why_boxes()
        taken = [domain for domain, cause in domains.items() if "prepend" in cause]
        for domain in taken:
            remove_domain(SYSTEM, domain, despite_pointers=True)
        in_the_way = _find_places_in_the_way(domains, boxes)
        for place, own in in_the_way.items():
            self._move_away(self.world.panel.below(place), own)
        causes = [*domains.values(), *boxes.values()]
        keys = {_find_key(cause) for cause in causes if "take it out" in cause}
        self._take_out(Shared.ASSIGN, keys)
        return bool(drifts or taken or in_the_way or keys)

    def _move_away(self, place: Path, own: set[int]) -> None:
        """What others have there, out of the mail root."""
        if place.is_symlink():
            place.unlink()
        for mail in place.rglob("*.mail"):
            number = self.world.known.messages.pop(mail.name)
            assert number not in own, f"mail of {number} is said to be in the way of itself"
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


def _why_domains() -> dict[Domain, str]:
    """What each could not do."""
    domains = Domain.objects.claiming()
    statuses = Statuses(domain.pk for domain in domains)
    problems = {domain: statuses.problem_of_domain(domain) for domain in domains}
    return {domain: problem.cause for domain, problem in problems.items() if problem}


def _why_boxes() -> dict[Address, str]:
    boxes = Address.objects.claiming().filter(kind=Kind.MAILBOX, removed=False)
    boxes = boxes.select_related("domain")
    statuses = Statuses({box.domain_id for box in boxes})
    problems = {box: statuses.problem_of_address(box) for box in boxes}
    return {box: problem.cause for box, problem in problems.items() if problem}


def _find_key(cause: str) -> str:
    return cause.partition("the line ")[2].split()[0]


def _find_places_in_the_way(
    domains: dict[Domain, str], boxes: dict[Address, str]
) -> dict[str, set[int]]:
    """With the mailboxes that shall have the place."""
    homes = Mailbox.objects.order_by()
    places = {_find_place(cause): {box.mailbox.home} for box, cause in boxes.items()}
    for domain, cause in domains.items():
        own = homes.filter(address__domain=domain).values_list("home", flat=True)
        places[_find_place(cause)] = set(own)
    return {place: own for place, own in places.items() if place}


def _find_place(cause: str) -> str:
    """What is to be moved away, if anything is."""
    before, in_the_way, _ = cause.partition(" is in the way; move it away")
    if in_the_way:
        return before.split()[-1]
    return cause.partition(":")[0] if "move it away" in cause else ""


class _Silent:
    def write(self, _text: str) -> None:
        """Nobody reads it."""
