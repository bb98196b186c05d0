"""Drift decided both ways, and foreign lines adopted: what stands on the host afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from qmailpanel.console.adoptable import find_adoptable
from qmailpanel.console.decisions import decide_all, no_longer_leave, put_ours_back, take_theirs
from qmailpanel.console.offers import find_offers
from qmailpanel.domains.models import Address, Claim, Domain, Unknown
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.ledger.chain import verify
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.qmail.plan.drift import Side
from qmailpanel.reports.models import SyncPosition
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.models import DriftDecision, ForeignLine, SyncDrift
from tests.kit.panels import Panel


@pytest.fixture
def pandle(panel: Panel) -> Domain:
    """A domain with a mailbox and two aliases, live."""
    domain = panel.add_domain("pandle.net")
    panel.add_mailbox(domain, "ann")
    panel.add_mailbox(domain, "bob")
    panel.add_alias(domain, "info", "ann@pandle.net")
    panel.add_alias(domain, "team", "one@side.test", "two@side.test")
    panel.sync()
    return domain


def change_line(panel: Panel, name: str, before: str, after: str) -> None:
    content = panel.read(name)
    assert before.encode() in content
    panel.write(name, content.replace(before.encode(), after.encode()))


def only_drift(panel: Panel) -> SyncDrift:
    panel.sync()
    return SyncDrift.objects.get()


def address(domain: Domain, local: str) -> Address:
    return domain.addresses.get(local=local)


LINES = [
    ("users/assign", "=100-ann:popuser:110:31", "=100-ann:joe:7:7"),
    ("control/virtualdomains", "pandle.net:100", "pandle.net:7"),
    ("mailnames/pandle.net/.qmail-team", "&one@side.test", "|vacation"),
    ("mailnames/pandle.net/.qmail-default", "|", "&x@side.test\n|"),
    ("mailnames/pandle.net/ann/.qmail", "./Maildir/", "&x@side.test\n./Maildir/"),
]


def whose(domain: Domain, name: str) -> int:
    """The address that the line or file is about; 0 for all of the domain."""
    return {
        "users/assign": address(domain, "ann").pk,
        "mailnames/pandle.net/ann/.qmail": address(domain, "ann").pk,
        "mailnames/pandle.net/.qmail-team": address(domain, "team").pk,
    }.get(name, 0)


@pytest.mark.parametrize(("name", "before", "after"), LINES)
def test_ours_is_put_back(panel, pandle, name, before, after) -> None:
    content = panel.read(name)
    change_line(panel, name, before, after)
    put_ours_back(SYSTEM, only_drift(panel))
    panel.sync()
    assert sorted(panel.lines(name)) == sorted(content.decode().splitlines())
    assert not SyncDrift.objects.exists()
    assert panel.status(address(pandle, "ann")) is Status.LIVE
    assert Change.objects.filter(verb=Verb.PUT_BACK).count() == 1


@pytest.mark.parametrize(("name", "before", "after"), LINES)
def test_theirs_is_left_and_no_longer_called_a_drift_until_ours_is_put_back(
    panel, pandle, name, before, after
) -> None:
    content = panel.read(name)
    change_line(panel, name, before, after)
    theirs = panel.read(name)
    take_theirs(SYSTEM, only_drift(panel))
    panel.sync()
    assert panel.read(name) == theirs
    assert not SyncDrift.objects.exists()
    assert panel.status(address(pandle, "ann")) is Status.LIVE
    assert SyncPosition.objects.get(domain=pandle.pk).left == [whose(pandle, name)]
    no_longer_leave(SYSTEM, DriftDecision.objects.get())
    panel.sync()
    assert SyncPosition.objects.get(domain=pandle.pk).left == []
    assert sorted(panel.lines(name)) == sorted(content.decode().splitlines())


def test_what_was_left_can_be_read_by_the_mail_user(panel, pandle) -> None:
    path = panel.below("pandle.net/.qmail-team")
    path.write_bytes(b"&x@side.test\n|vacation\n")
    take_theirs(SYSTEM, only_drift(panel))
    path.chmod(0o602)
    panel.sync()
    assert path.read_bytes() == b"&x@side.test\n|vacation\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert panel.status(address(pandle, "team")) is Status.LIVE


def test_what_came_after_the_decision_is_not_written_over(panel, pandle) -> None:
    name = "mailnames/pandle.net/.qmail-team"
    panel.write(name, b"|vacation\n")
    put_ours_back(SYSTEM, only_drift(panel))
    panel.write(name, b"|another\n")
    assert only_drift(panel).actual == "|another"
    assert panel.read(name) == b"|another\n"


def test_what_was_put_back_once_is_drift_when_it_comes_again(panel, pandle) -> None:
    name = "mailnames/pandle.net/.qmail-team"
    for _ in range(2):
        panel.write(name, b"|vacation\n")
        put_ours_back(SYSTEM, only_drift(panel))
        panel.sync()
        assert panel.read(name) == b"&one@side.test\n&two@side.test\n"
        assert not DriftDecision.objects.exists()


def test_two_foreign_lines_for_one_address_both_go_when_ours_is_put_back(panel, pandle) -> None:
    content = panel.read("users/assign")
    change_line(
        panel,
        "users/assign",
        "=100-ann:popuser:110:31",
        "=100-ann:joe:7:7:/a:::\n=100-ANN:joe:8:8",
    )
    put_ours_back(SYSTEM, only_drift(panel))
    panel.sync()
    assert sorted(panel.lines("users/assign")) == sorted(content.decode().splitlines())
    assert b"popuser" in (panel.answer("=100-ann") or b"")


# theirs as rows


def take(panel: Panel) -> str:
    """Take the one drift, which rows can say. Returns what the panel said it becomes."""
    drift = only_drift(panel)
    [offer] = find_offers(Domain.objects.get(pk=drift.domain or 0), [drift])
    take_theirs(SYSTEM, drift)
    panel.sync()
    assert not SyncDrift.objects.exists()
    assert not DriftDecision.objects.exists()
    return str(offer)


def test_other_addresses_in_an_aliass_file_become_its_destinations(panel, pandle) -> None:
    panel.write("mailnames/pandle.net/.qmail-team", b"three@Side.test\n&four@side.test")
    assert take(panel) == "team@pandle.net delivers to three@side.test, four@side.test."
    team = address(pandle, "team")
    assert [one.target for one in team.destinations.all()] == ["three@side.test", "four@side.test"]
    assert panel.read("mailnames/pandle.net/.qmail-team") == b"&three@side.test\n&four@side.test\n"
    assert panel.status(team) is Status.LIVE


@pytest.mark.parametrize(
    ("content", "unknown", "more"),
    [
        (b"&joe@old.test", Unknown.FORWARD, {"unknown_target": "joe@old.test"}),
        (b"# J.\n&o'joe@a_b.test\n", Unknown.FORWARD, {"unknown_target": "o'joe@a_b.test"}),
        (b"# nobody\n", Unknown.DISCARD, {}),
        (b"|bouncesaying 'Go away'\n", Unknown.BOUNCE, {"unknown_text": "Go away"}),
    ],
)
def test_another_default_file_becomes_the_fate_of_unknown_recipients(
    panel, pandle, content, unknown, more: dict[str, Any]
) -> None:
    panel.write("mailnames/pandle.net/.qmail-default", content)
    take(panel)
    pandle.refresh_from_db()
    assert pandle.unknown == unknown
    assert {name: getattr(pandle, name) for name in more} == more


def test_an_assignment_to_another_home_becomes_the_aliass_destination(panel, pandle) -> None:
    change_line(panel, "users/assign", "/ann:::\n=100-bob", "/ann:::\n=100-bob")
    ours = next(line for line in panel.lines("users/assign") if line.startswith("=100-info"))
    change_line(panel, "users/assign", ours, ours.replace("/ann:", "/bob:") + "by hand")
    assert take(panel) == "info@pandle.net delivers to bob@pandle.net."
    assert panel.answer("=100-info") == panel.answer("=100-bob")


@pytest.mark.parametrize(
    ("content", "enabled", "refusal"),
    [(b"|bouncesaying 'Ann left.'\n", False, "Ann left."), (b"./Maildir/", True, "")],
)
def test_another_file_in_a_home_switches_the_mailbox(
    panel, pandle, content, enabled, refusal
) -> None:
    panel.write("mailnames/pandle.net/ann/.qmail", content)
    take(panel)
    ann = address(pandle, "ann")
    assert (ann.enabled, ann.refusal) == (enabled, refusal)
    assert panel.status(ann) is Status.LIVE


@pytest.mark.parametrize(
    "content",
    [b"|vacation\n", b"&a@b.test\n|x\n", b"/etc/passwd\n", b'&"x y"@y.test\n', b"\n&a@b.c\n"],
)
def test_what_rows_cannot_say_is_never_made_one(panel, pandle, content) -> None:
    panel.write("mailnames/pandle.net/.qmail-team", content)
    drift = only_drift(panel)
    assert find_offers(pandle, [drift]) == [None]


def test_a_line_that_leads_into_another_domains_home_is_never_made_a_row(panel, pandle) -> None:
    other = panel.add_domain("b.test")
    panel.add_mailbox(other, "ann")
    panel.sync()
    ours = next(line for line in panel.lines("users/assign") if line.startswith("=100-info"))
    change_line(panel, "users/assign", ours, ours.replace("pandle.net/ann", "b.test/ann"))
    assert find_offers(pandle, [only_drift(panel)]) == [None]


def test_a_loop_written_by_hand_is_refused_and_nothing_is_decided(panel, pandle) -> None:
    panel.write("mailnames/pandle.net/.qmail-team", b"&team@pandle.net\n")
    drift = only_drift(panel)
    with pytest.raises(Refused, match="deliver to itself"):
        take_theirs(SYSTEM, drift)
    assert not DriftDecision.objects.exists()


# adopt


def adopt(panel: Panel) -> list[str]:
    """Adopt every foreign line that can be. Returns what was said they become."""
    panel.sync()
    said = []
    for _, offer in list(find_adoptable(ForeignLine.objects.order_by("file", "number"))):
        said.append(str(offer))
        offer.act(SYSTEM)
    panel.sync()
    return said


@pytest.mark.parametrize("lines", [1, 3])
def test_however_many_lines_there_are_the_database_is_asked_twice_what_it_has_of_them(
    panel, pandle, django_assert_num_queries, lines
) -> None:
    homes = [f"=100-new{n}:popuser:110:31:{panel.below('pandle.net/ann')}:::" for n in range(lines)]
    foreign = [ForeignLine(file="users/assign", line=line) for line in homes]
    with django_assert_num_queries(2):
        assert len(list(find_adoptable(foreign))) == lines


def test_no_domain_is_read_that_no_foreign_line_names(pandle, django_assert_num_queries) -> None:
    foreign = [ForeignLine(file="users/assign", line="+bob-:bob:1000:1000:/home/bob:-::")]
    with django_assert_num_queries(0):
        assert not list(find_adoptable(foreign))


def test_a_mailbox_made_by_hand_is_adopted_with_its_mail(panel, pandle) -> None:
    home = panel.below("pandle.net/joe")
    mail = home / "Maildir/new/1.mail"
    mail.parent.mkdir(parents=True)
    mail.write_text("hello")
    line = f"=100-joe:popuser:110:31:{home}:::"
    panel.write("users/assign", f"{line}\n".encode() + panel.read("users/assign"))
    assert adopt(panel) == [
        "The mailbox joe@pandle.net, with the mail in it and without a password."
    ]
    joe = address(pandle, "joe")
    assert panel.status(joe) is Status.LIVE
    assert mail.read_text() == "hello"
    assert panel.lines("users/assign").count(line) == 1
    assert not ForeignLine.objects.filter(line=line).exists()


def test_an_alias_made_by_hand_is_adopted(panel, pandle) -> None:
    line = f"=100-boss:popuser:110:31:{panel.below('pandle.net/ann')}:::\n"
    panel.write("users/assign", line.encode() + panel.read("users/assign"))
    assert adopt(panel) == ["The alias boss@pandle.net, which delivers to ann@pandle.net."]
    assert panel.status(address(pandle, "boss")) is Status.LIVE


def test_a_further_name_made_by_hand_is_adopted_as_an_alias_domain(panel, pandle) -> None:
    panel.write(
        "control/virtualdomains", b"pandle.org:100\n" + panel.read("control/virtualdomains")
    )
    panel.write("control/rcpthosts", b"pandle.org\n" + panel.read("control/rcpthosts"))
    assert adopt(panel) == ["pandle.org, an alias domain of pandle.net."]
    assert Claim.objects.filter(domain=pandle, name="pandle.org").exists()
    assert panel.status_of_domain(pandle) is Status.LIVE
    assert panel.lines("control/rcpthosts").count("pandle.org") == 1


@pytest.mark.parametrize(
    "line",
    [
        "=100-joe:root:0:0:{home}/joe:::",
        "=100-joe:popuser:110:31:/home/joe:::",
        "=100-joe:popuser:110:31:{home}/../b.test/joe:::",
        "=100-joe:popuser:110:31:{home}/joe:-:x:",
        "+100-joe-:popuser:110:31:{home}/joe:-::",
        "=200-joe:popuser:110:31:{home}/joe:::",
        "=100-|x:popuser:110:31:{home}/joe:::",
        "=7-joe:joe:7:7:/home/joe:::",
    ],
)
def test_other_lines_are_not_offered(panel, pandle, line) -> None:
    text = line.format(home=panel.below("pandle.net"))
    panel.write("users/assign", f"{text}\n".encode() + panel.read("users/assign"))
    assert adopt(panel) == []
    assert text in panel.lines("users/assign")


def test_of_a_domain_that_lost_its_name_nothing_is_decided_or_shown(
    panel, pandle, as_operator
) -> None:
    panel.below("pandle.net/.qmail-default").write_text("|/bin/true\n")
    take_theirs(SYSTEM, only_drift(panel))
    remove_domain(SYSTEM, pandle)
    panel.sync()
    panel.add_domain("pandle.net")
    assert "Kept as they are" not in as_operator.get("/sync/host/").content.decode()
    with pytest.raises(Refused, match="another domain"):
        no_longer_leave(SYSTEM, DriftDecision.objects.get())
    panel.sync()
    assert panel.status_of_domain(pandle) is Status.REMOVED


@pytest.mark.parametrize("side", Side)
def test_many_files_are_decided_about_with_as_many_queries_as_one(
    domain: Domain, django_assert_max_num_queries: Any, side: Side
) -> None:
    drifts = [strange_file(domain, number) for number in range(30)]
    for some in (drifts[:1], drifts):
        with django_assert_max_num_queries(14):
            decide_all(SYSTEM, some, side)
    domain.refresh_from_db()
    decided = DriftDecision.objects.order_by("pk").values_list("file", "side", "change")
    assert [(file, which) for file, which, _change in decided] == [(d.file, side) for d in drifts]
    changes = [change for *_, change in decided]
    assert changes == list(range(changes[0], domain.change_id + 1))
    assert verify().broken is None


def test_one_that_is_refused_leaves_all_undecided(domain: Domain) -> None:
    lost = SyncDrift(node="main", domain=domain.pk + 1, kind="file", file="a", key="a")
    with pytest.raises(Refused):
        decide_all(SYSTEM, [strange_file(domain, 0), lost], Side.OURS)
    assert not DriftDecision.objects.exists()


def strange_file(domain: Domain, number: int) -> SyncDrift:
    path = f"{domain.name}/.qmail-x{number}"
    return SyncDrift(
        node="main", domain=domain.pk, kind="file", file=path, key=path, actual="&a@b.test"
    )
