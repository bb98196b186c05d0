"""Mail to addresses of every kind while everything changes and the service is killed.

No message is lost, none comes to anybody else, none leaves, none waits, and none bounces that was
deliverable before and after.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import pytest

from qmailpanel.mailboxes.models import Mailbox
from qmailpanel.reports.models import SyncProblem
from tests.kit.busy_people import RECIPIENTS, SENDERS, BusyPeople
from tests.kit.killed_service import KilledService
from tests.kit.mail_in import MailFlow, Sent
from tests.kit.mail_out import POSTMASTER, Arrival, arrivals, is_queue_empty, keep_what_leaves
from tests.kit.promised_mail import REFUSED, History, Rows, find_promise
from tests.kit.real_panel import point_settings
from tests.kit.real_qmail import needs_qmail, private_qmail, wait_for

pytestmark = needs_qmail
SECONDS = float(os.environ.get("TEST_STREAM") or 45)
MANY = 600 if SECONDS > 100 else 150  # mailboxes made at once
KILL_SECONDS = (2.0, 9.0)  # how long the service lives
CHANGE_SECONDS = (0.0, 2.0)  # from one change to the next
PATIENCE = 120.0


@pytest.fixture
def qmail(tmp_path, transactional_db, settings):
    point_settings(settings)
    with private_qmail(tmp_path) as qmail:
        keep_what_leaves()
        qmail.start()
        yield qmail


@pytest.fixture
def service(qmail, tmp_path, settings):
    service = KilledService(tmp_path / "state", settings)
    service.start()
    yield service
    service.kill()


def test_mail_comes_to_whom_it_is_for_whatever_is_changed_and_killed(
    qmail, service, chance
) -> None:
    people, history = BusyPeople(chance, MANY), History()
    history.add(time.time())
    wait_until_live(history)
    flow = MailFlow(chance, SENDERS, RECIPIENTS)
    with flow.flowing():
        keep_changing(people, history, service)
    wait_until_live(history)
    wait_for(is_queue_empty, qmail.log.read_text, PATIENCE)
    found = by_token(arrivals(Rows().home_of))
    say_figures(people, service, flow.sent, found)
    assert SyncProblem.objects.count() == 0
    assert "Traceback" not in service.log.read_text()
    faults = [fault for sent in flow.sent for fault in faults_of(sent, found, history)]
    sys.stdout.write("".join(f"{deed}\n" for deed in people.done if faults))
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    assert faults == []
    assert "deferral: " not in qmail.log.read_text()


def wait_until_live(history: History) -> None:
    wait_for(history.note_live, patience=PATIENCE)


def keep_changing(people: BusyPeople, history: History, service: KilledService) -> None:
    """One change after the other; the service has some seconds to make them true."""
    now = time.time()
    until, change_at, kill_at = now + SECONDS, now, now + people.chance.uniform(*KILL_SECONDS)
    while now < until:
        if now >= change_at:
            people.change()
            history.add(now)
            change_at = now + people.chance.uniform(*CHANGE_SECONDS)
        if now >= kill_at:
            service.kill()
            service.start()
            kill_at = now + people.chance.uniform(*KILL_SECONDS)
        history.note_live()
        time.sleep(0.02)
        now = time.time()


def by_token(found: Iterator[Arrival]) -> dict[str, list[Arrival]]:
    tokens = defaultdict(list)
    for arrival in found:
        tokens[arrival.token].append(arrival)
    return tokens


def faults_of(sent: Sent, found: dict[str, list[Arrival]], history: History) -> Iterator[str]:
    """What went wrong with one message."""
    came = found.get(sent.token, [])
    rows = history.between(sent.begun, max([sent.ended, *(each.at for each in came)]))
    promise = find_promise(rows, sent.recipient)
    if not sent.is_taken:
        if promise.must - {REFUSED, sent.recipient}:
            yield f"refused at the door: {sent}"
        return
    reached = Counter(end_of(sent, each) for each in came)
    yield from (f"not at {end}: {sent}" for end in promise.must - set(reached))
    yield from (f"came to {end}: {sent}" for end in reached - promise.may)
    if promise.is_for_somebody and not reached:
        yield f"lost: {sent}"


def end_of(sent: Sent, arrival: Arrival) -> str:
    """A bounce comes to the sender, and from nobody there to the postmaster."""
    if not arrival.is_bounce:
        return arrival.place
    steady = Mailbox.objects.get(address__domain__name="steady.test")
    expected = {"box@steady.test": str(steady.home), "nobody@steady.test": POSTMASTER}
    is_right = arrival.place == expected.get(sent.sender, sent.sender)
    return REFUSED if is_right else f"{REFUSED} at {arrival.place}"


def say_figures(
    people: BusyPeople,
    service: KilledService,
    sent: Sequence[Sent],
    found: dict[str, list[Arrival]],
) -> None:
    taken = [each for each in sent if each.is_taken]
    bounced = sum(any(a.is_bounce for a in found.get(each.token, ())) for each in taken)
    ways = Counter(each.way for each in taken)
    sys.stdout.write(
        f"{len(taken)} messages ({dict(ways)}), {bounced} bounced, {len(sent) - len(taken)} "
        f"refused at the door; {len(people.done)} changes ({people.refused} refused), "
        f"{service.kills} kills\n"
    )
