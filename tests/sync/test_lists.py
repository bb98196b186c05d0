"""control/morercpthosts and the lists of known recipients, from rows to what qmail-smtpd asks."""

from __future__ import annotations

from typing import Any

import pytest

from qmailpanel.domains.models import Unknown
from qmailpanel.domains.services import change_domain, remove_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.services import switch_mailbox
from qmailpanel.qmail.formats import cdb
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.reports.statuses import Status
from qmailpanel.sync.reconcile import open_host
from qmailpanel.sync.service import Service
from tests.kit.panels import Panel, settle

NAMES = ("a.test", "b.test", "c.test")


@pytest.fixture
def three(panel: Panel) -> list[Any]:
    return [panel.add_domain(name) for name in NAMES]


def keys(panel: Panel, name: str) -> list[str]:
    with (panel.home / name).open("rb") as file:
        return [key.decode() for key, _ in AnyMap(file).records()]


# names that somebody else's line leads away


@pytest.mark.parametrize("most", [0, 10])
def test_no_mail_is_accepted_for_a_name_that_another_line_leads_away(panel, settings, most) -> None:
    settings.QMAILPANEL_RCPTHOSTS = most
    domain = panel.add_domain("a.test")
    panel.write("control/virtualdomains", b"a.test:35\n")
    assert panel.sync().drifts[domain.pk]
    assert panel.sync().steps == []
    assert panel.status_of_domain(domain) is Status.FAILED
    assert panel.lines("control/virtualdomains") == ["a.test:35"]
    assert panel.lines("control/rcpthosts") == ["old.test"]
    assert not (panel.home / "control/morercpthosts").exists()
    panel.write("control/virtualdomains", b"")
    panel.sync()
    assert panel.status_of_domain(domain) is Status.LIVE
    hosts = "control/morercpthosts" if most == 0 else "control/rcpthosts"
    assert "a.test" in panel.lines(hosts)


def test_a_live_name_that_another_line_leads_away_is_accepted_as_before(panel, three) -> None:
    panel.sync()
    live = panel.read("control/rcpthosts")
    text = panel.read("control/virtualdomains").replace(b"a.test:100", b"a.test:35")
    panel.write("control/virtualdomains", text)
    panel.sync()
    assert panel.status_of_domain(three[0]) is Status.FAILED
    assert panel.read("control/rcpthosts") == live
    switch_domain(SYSTEM, three[0], on=False)
    panel.sync()
    assert panel.lines("control/rcpthosts") == ["old.test", "b.test", "c.test"]


# morercpthosts


def test_domains_beyond_the_number_are_in_morercpthosts_and_its_map(panel, three, settings) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 1
    panel.sync()
    assert panel.lines("control/rcpthosts") == ["old.test", "a.test"]
    assert panel.lines("control/morercpthosts") == ["b.test", "c.test"]
    assert keys(panel, "control/morercpthosts.cdb") == ["b.test", "c.test"]
    assert panel.status_of_domain(three[2]) is Status.LIVE


@pytest.mark.parametrize("most", [0, 2, 3])
def test_another_number_moves_domains_between_the_files(panel, three, settings, most) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 1
    panel.sync()
    settings.QMAILPANEL_RCPTHOSTS = most
    settle(Service(open_host()))
    assert panel.lines("control/rcpthosts") == ["old.test", *NAMES[:most]]
    assert keys(panel, "control/morercpthosts.cdb") == [*NAMES[most:]]


def test_a_domain_moves_up_when_one_before_it_is_removed(panel, three, settings) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 1
    panel.sync()
    remove_domain(SYSTEM, three[0])
    panel.sync()
    assert panel.lines("control/rcpthosts") == ["old.test", "b.test"]
    assert keys(panel, "control/morercpthosts.cdb") == ["c.test"]


def test_foreign_lines_of_morercpthosts_stay_and_are_compiled(panel, three, settings) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 2
    panel.write("control/morercpthosts", b"# by hand\nOlder.test \n")
    service = panel.serve()
    assert panel.lines("control/morercpthosts") == ["# by hand", "Older.test ", "c.test"]
    panel.write("control/morercpthosts", b"newer.test\nc.test\n")
    service.turn()
    assert keys(panel, "control/morercpthosts.cdb") == ["newer.test", "c.test"]


def test_a_lost_map_or_file_is_made_again(panel, three, settings) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 2
    panel.write("control/morercpthosts", b"older.test\n")
    service = panel.serve()
    for name in ("control/morercpthosts.cdb", "control/morercpthosts"):
        (panel.home / name).unlink()
        settle(service)
        assert keys(panel, "control/morercpthosts.cdb") == ["older.test", "c.test"]
        assert panel.lines("control/morercpthosts") == ["older.test", "c.test"]


def test_a_map_that_cannot_be_made_is_said_and_made_later(panel, three, settings) -> None:
    settings.QMAILPANEL_RCPTHOSTS = 2
    (panel.home / "control/morercpthosts.tmp").mkdir()
    report = panel.sync()
    assert "list of domains could not be rebuilt" in report.error
    assert panel.status_of_domain(three[2]) is Status.FAILED
    (panel.home / "control/morercpthosts.tmp").rmdir()
    panel.sync()
    assert panel.status_of_domain(three[2]) is Status.LIVE


# known recipients


@pytest.fixture
def listed(panel: Panel, settings: Any) -> Panel:
    """A host whose qmail-smtpd asks control/validrcptto.cdb."""
    settings.QMAILPANEL_RECIPIENTS = "validrcptto"
    return panel


def test_a_list_of_recipients_begins_with_all_domains_and_with_foreign_names(listed) -> None:
    listed.add_domain("a.test")
    settle(Service(open_host()))
    assert keys(listed, "control/validrcptto.cdb") == ["@old.test", "@a.test"]


def test_refused_at_the_door_is_who_is_not_listed(listed) -> None:
    domain = listed.add_domain("a.test")
    box = listed.add_mailbox(domain, "joe")
    service = listed.serve()
    change_domain(SYSTEM, domain, unknown=Unknown.REFUSE)
    service.turn()
    there = ["@old.test", "abuse@a.test", "joe@a.test", "postmaster@a.test"]
    assert keys(listed, "control/validrcptto.cdb") == there
    assert listed.status(box) is Status.LIVE
    switch_mailbox(SYSTEM, box, on=False)
    service.turn()
    there.remove("joe@a.test")
    assert keys(listed, "control/validrcptto.cdb") == there
    switch_domain(SYSTEM, domain, on=False)
    service.turn()
    assert keys(listed, "control/validrcptto.cdb") == ["@old.test"]


def test_the_list_that_exists_is_kept(panel, three) -> None:
    panel.write("users/recipients", b"joe@old.test\n")
    panel.sync()
    assert keys(panel, "users/recipients.cdb") == [":joe@old.test", *(f":@{n}" for n in NAMES)]
    assert not (panel.home / "control/validrcptto").exists()


MORE_VALID = "control/morevalidrcptto"


@pytest.mark.parametrize("name", [MORE_VALID, f"{MORE_VALID}.cdb"])
def test_the_list_of_the_combined_patch_is_kept_where_it_is(panel, three, name) -> None:
    with (panel.home / name).open("w+b") as file:
        if name.endswith(".cdb"):
            cdb.compile_records([(b"joe@old.test", b"")], file)
        else:
            file.write(b"joe@old.test\n")
    panel.sync()
    assert keys(panel, f"{MORE_VALID}.cdb") == ["joe@old.test", *(f"@{n}" for n in NAMES)]
    assert not (panel.home / "control/validrcptto").exists()


def test_where_qmail_smtpd_asks_the_list_of_the_combined_patch_the_text_is_the_operators(
    panel, three
) -> None:
    (panel.home / "bin").mkdir(exist_ok=True)
    panel.write("bin/qmail-smtpd", b"\0control/validrcptto\0control/morevalidrcptto.cdb\0")
    panel.write("control/validrcptto", b"joe@old.test\n")
    panel.sync()
    assert keys(panel, f"{MORE_VALID}.cdb") == [f"@{name}" for name in NAMES]
    assert panel.read("control/validrcptto") == b"joe@old.test\n"
    assert not (panel.home / "control/validrcptto.cdb").exists()


def test_without_a_list_nothing_can_be_refused_at_the_door(panel, three) -> None:
    panel.sync()
    with pytest.raises(Refused, match="cannot refuse recipients at the door"):
        change_domain(SYSTEM, three[0], unknown=Unknown.REFUSE)


def test_a_list_of_recipients_has_no_subdomains(listed) -> None:
    domain = listed.add_domain("a.test")
    listed.sync()
    with pytest.raises(Refused, match="has no sub-domains"):
        change_domain(SYSTEM, domain, subdomains=True)


def test_an_address_whose_home_cannot_be_made_is_not_listed(listed) -> None:
    domain = listed.add_domain("a.test")
    box = listed.add_mailbox(domain, "joe")
    listed.sync()
    change_domain(SYSTEM, domain, unknown=Unknown.REFUSE)
    listed.below("a.test/ann").symlink_to("/tmp")
    failing = listed.add_mailbox(domain, "ann")
    listed.sync()
    assert listed.status(failing) is Status.FAILED
    assert listed.status(box) is Status.LIVE
    assert "ann@a.test" not in keys(listed, "control/validrcptto.cdb")
