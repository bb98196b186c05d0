"""The end of a drill: what the database says is true on the host."""

from __future__ import annotations

from pathlib import Path

from qmailpanel.domains.models import Address, Domain
from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.drill.expected import recipients
from tests.kit.drill.rows import Rows
from tests.kit.drill.world import ADDRESSES, ARCHIVE, World

DONE = (Status.LIVE, Status.REMOVED)


def agree(world: World) -> None:
    rows = Rows()
    _agree_statuses(rows.statuses)
    for address in ADDRESSES:
        assert recipients(world, address, rows) in (None, world.known.live[address])
    _agree_places(world)
    _agree_files(world, rows)


def _agree_statuses(statuses: Statuses) -> None:
    for domain in Domain.objects.claiming():
        status, problem = statuses.of_domain(domain), statuses.problem_of_domain(domain)
        assert status in DONE, (domain, problem and problem.cause)
    for row in Address.objects.claiming().filter(domain__in=Domain.objects.claiming()):
        problem = statuses.problem_of_address(row)
        assert statuses.of_address(row) in DONE, (row, problem and problem.cause)


def _agree_places(world: World) -> None:
    """All mail of a mailbox that the database has is in its home, or in the archive.

    Of one whose mail was to be destroyed, an older host has some again, of which no row speaks.
    """
    kept = Mailbox.objects.filter(purged=False).select_related("address__domain")
    places = {one.home: _place(world, one) for one in kept}
    for mail in world.mails():
        number = world.known.messages[mail.name]
        home = mail.parents[2]
        assert home == places.get(number, home), f"{number} does not see its mail in {home}"


def _agree_files(world: World, rows: Rows) -> None:
    """None takes the mail of an address without a row: the panel showed it."""
    for address in ADDRESSES:
        local, _, name = address.partition("@")
        domain = rows.domain_of(name)
        if domain and not rows.address(domain, local):
            assert not world.panel.below(f"{domain.name}/.qmail-{local}").exists(), address


def _place(world: World, mailbox: Mailbox) -> Path:
    address = mailbox.address
    if address.removed or address.domain.removed:
        return world.panel.below(f"{ARCHIVE}/{mailbox.home}")
    return world.panel.below(f"{address.domain.name}/{address.local}")
