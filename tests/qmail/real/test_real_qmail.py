"""The seed's world on a real qmail: mail lands, bounces or is refused as the panel says."""

from __future__ import annotations

from typing import Any

import pytest

from qmailpanel.aliases.services import switch_alias
from qmailpanel.domains.models import Domain, Unknown
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.domains.services import change_domain, remove_domain, restore_domain, switch_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox, restore_mailbox
from qmailpanel.mailboxes.services import change_mailbox, switch_mailbox
from qmailpanel.qmail.names import DomainName
from tests.kit.real_panel import new_alias, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import HOME, mails_in, needs_qmail, rcpt

pytestmark = needs_qmail
BILIARDS = "in pandle.net/biliards"


@pytest.fixture
def panel(tmp_path, transactional_db, settings):
    with real_panel(tmp_path, settings) as panel:
        panel.qmail.start()
        yield panel


@pytest.fixture
def pandle(panel) -> Domain:
    """The seed's domain, live."""
    domain = new_domain("pandle.net")
    new_mailbox(domain, "biliards")
    new_mailbox(domain, "jane.roe")
    new_alias(domain, "bilardi", ["biliards@pandle.net"])
    new_alias(domain, "team", ["biliards@pandle.net", "jane.roe@pandle.net", "out@side.test"])
    new_alias(domain, "a.b", ["out@side.test"])
    panel.make_live()
    return domain


def address(domain, local):
    return domain.addresses.get(local=local)


def test_mail_lands_where_the_panel_says(panel, pandle):
    wanted = {
        "biliards": {BILIARDS},
        "Biliards": {BILIARDS},
        "bilardi": {BILIARDS},
        "jane.roe": {"in pandle.net/jane.roe"},
        "team": {BILIARDS, "in pandle.net/jane.roe", "to out@side.test"},
        "a.b": {"to out@side.test"},
        "postmaster": {"to postmaster@example.org"},
        "nosuch": {"failure: No such mailbox here. (#5.1.1)"},
        "biliards-x": {"failure: No such mailbox here. (#5.1.1)"},
        "biliards+x": {"failure: No such mailbox here. (#5.1.1)"},
        "default": {"failure: No such mailbox here. (#5.1.1)"},
    }
    assert {local: panel.send(f"{local}@pandle.net") for local in wanted} == wanted


def test_unknown_recipients_meet_the_fate_that_was_chosen(panel, pandle):
    text = 'It\'s "no"; $HOME `id` | & \\ (#5.1.1)'
    choices: list[tuple[dict[str, Any], set[str]]] = [
        ({"unknown": Unknown.BOUNCE, "unknown_text": text}, {f"failure: {text}"}),
        ({"unknown": Unknown.DISCARD}, set()),
        ({"unknown": Unknown.FORWARD, "unknown_target": "out@side.test"}, {"to out@side.test"}),
        ({"unknown": Unknown.MAILBOX, "unknown_target": "biliards"}, {BILIARDS}),
    ]
    for choice, fate in choices:
        change_domain(SYSTEM, pandle, **choice)
        panel.make_live()
        assert panel.send("nosuch@pandle.net") == fate
        assert panel.send("jane.roe@pandle.net") == {"in pandle.net/jane.roe"}


def test_a_mailbox_that_is_off_refuses_with_its_text_and_keeps_its_mail(panel, pandle):
    biliards = address(pandle, "biliards")
    panel.send("biliards@pandle.net")
    switch_mailbox(SYSTEM, biliards, on=False)
    panel.make_live()
    assert panel.send("bilardi@pandle.net") == {"failure: This mailbox is switched off. (#5.2.1)"}
    change_mailbox(SYSTEM, biliards, refusal="Gone fishing")
    panel.make_live()
    assert panel.send("biliards@pandle.net") == {"failure: Gone fishing"}
    switch_mailbox(SYSTEM, biliards, on=True)
    panel.make_live()
    assert panel.send("biliards@pandle.net") == {BILIARDS}
    assert len(mails_in("pandle.net/biliards")) == 2


def test_mail_to_alias_domains_and_sub_domains_is_mail_to_the_domain(panel, pandle):
    alias = add_alias_domain(SYSTEM, pandle, DomainName("pandle.org"))
    change_domain(SYSTEM, pandle, subdomains=True)
    below = new_domain("shop.pandle.net")
    new_mailbox(below, "biliards")
    panel.make_live()
    for name in ("pandle.net", "pandle.org", "Mail.Pandle.Net", "a.b.pandle.org"):
        assert panel.send(f"bilardi@{name}") == {BILIARDS}
    assert panel.send("nosuch@pandle.org") == {"failure: No such mailbox here. (#5.1.1)"}
    assert panel.send("biliards@shop.pandle.net") == {"in shop.pandle.net/biliards"}
    remove_alias_domain(SYSTEM, alias)
    change_domain(SYSTEM, pandle, subdomains=False)
    panel.make_live()
    for name in ("pandle.org", "mail.pandle.net", "a.b.pandle.org"):
        assert rcpt(f"bilardi@{name}") == 553
    assert panel.send("bilardi@pandle.net") == {BILIARDS}


def test_a_domain_that_moves_to_morercpthosts_and_back_is_accepted(panel, pandle, settings):
    for most, name in ((0, "morercpthosts.cdb"), (1, "rcpthosts")):
        settings.QMAILPANEL_RCPTHOSTS = most
        change_domain(SYSTEM, pandle, description=name)
        panel.make_live()
        assert b"pandle.net" in (HOME / "control" / name).read_bytes()
        assert panel.send("biliards@Pandle.Net") == {BILIARDS}
        assert rcpt("biliards@nosuch.test") == 553


@pytest.mark.parametrize(("local", "fate"), [("bilardi", BILIARDS), ("a.b", "to out@side.test")])
def test_an_alias_that_is_off_refuses(panel, pandle, local, fate):
    switch_alias(SYSTEM, address(pandle, local), on=False)
    panel.make_live()
    assert panel.send(f"{local}@pandle.net") == {"failure: This address is switched off. (#5.1.1)"}
    switch_alias(SYSTEM, address(pandle, local), on=True)
    panel.make_live()
    assert panel.send(f"{local}@pandle.net") == {fate}


def test_a_domain_that_is_off_is_refused_by_either_name(panel, pandle):
    inner = f"{pandle.prepend}-biliards@mail.vm.test"
    assert rcpt("biliards@pandle.net") == 250
    assert panel.send_local(inner) == {BILIARDS}
    switch_domain(SYSTEM, pandle, on=False)
    panel.make_live()
    assert rcpt("biliards@pandle.net") == 553
    assert panel.send_local(inner) == {"failure: This domain is switched off. (#5.1.2)"}
    switch_domain(SYSTEM, pandle, on=True)
    panel.make_live()
    assert panel.send("biliards@pandle.net") == {BILIARDS}


def test_a_removed_mailbox_bounces_until_it_is_restored_with_its_mail(panel, pandle):
    biliards = address(pandle, "biliards")
    panel.send("biliards@pandle.net")
    before = mails_in("pandle.net/biliards")
    remove_mailbox(SYSTEM, biliards, despite_pointers=True)
    panel.make_live()
    nobody = {"failure: No such mailbox here. (#5.1.1)"}
    assert panel.send("biliards@pandle.net") == nobody
    assert panel.send("bilardi@pandle.net") == nobody
    restore_mailbox(SYSTEM, biliards)
    panel.make_live()
    assert mails_in("pandle.net/biliards") == before
    assert panel.send("bilardi@pandle.net") == {BILIARDS}
    assert len(mails_in("pandle.net/biliards")) == 2


def test_a_mailbox_made_again_never_shows_old_mail(panel, pandle):
    panel.send("jane.roe@pandle.net")
    remove_mailbox(SYSTEM, address(pandle, "jane.roe"), despite_pointers=True)
    panel.make_live()
    new_mailbox(pandle, "jane.roe")
    panel.make_live()
    assert mails_in("pandle.net/jane.roe") == []
    assert panel.send("jane.roe@pandle.net") == {"in pandle.net/jane.roe"}


def test_a_removed_domain_is_refused_until_it_is_restored_with_its_mail(panel, pandle):
    panel.send("biliards@pandle.net")
    inner = f"{pandle.prepend}-biliards@mail.vm.test"
    remove_domain(SYSTEM, pandle)
    panel.make_live()
    assert rcpt("biliards@pandle.net") == 553
    gone = {"failure: This domain is no longer served here. (#5.1.2)"}
    assert panel.send_local(inner) == gone
    assert panel.send_local("biliards@pandle.net") == gone
    restore_domain(SYSTEM, pandle)
    panel.make_live()
    assert panel.send("biliards@pandle.net") == {BILIARDS}
    assert len(mails_in("pandle.net/biliards")) == 2
