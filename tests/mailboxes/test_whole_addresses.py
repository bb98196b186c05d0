"""A whole address where a page asks for the part before the @."""

from __future__ import annotations

import pytest

from qmailpanel.domains.models import Domain
from qmailpanel.domains.services import add_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from tests.kit.live import make_live


@pytest.fixture
def koeln() -> Domain:
    contact = MailAddress("me@example.org")
    return add_domain(SYSTEM, DomainName("köln.example"), contact=contact)


def locals_of(domain: Domain) -> set[str]:
    return {*domain.addresses.filter(removed=False).values_list("local", flat=True)}


@pytest.mark.parametrize("host", ["köln.example", "xn--kln-sna.example", "KÖLN.example"])
def test_a_mailbox_is_added_and_renamed_by_its_whole_address(as_operator, koeln, host):
    pages = f"/domains/{koeln.name}/mailboxes/"
    assert as_operator.post(pages, {"local": f"Anna@{host}"}).status_code == 303
    anna = koeln.addresses.get(local="anna")
    new = {"local": f"ann@{host}"}
    assert as_operator.post(f"{pages}{anna.pk}/rename/", new).status_code == 303
    assert locals_of(koeln) >= {"ann"}


def test_an_alias_is_added_and_renamed_by_its_whole_address(as_operator, koeln):
    pages = f"/domains/{koeln.name}/aliases/"
    data = {"local": "info@köln.example", "destinations": "me@example.org"}
    assert as_operator.post(pages, data).status_code == 303
    info = koeln.addresses.get(local="info")
    new = {"local": "hello@köln.example"}
    assert as_operator.post(f"{pages}{info.pk}/rename/", new).status_code == 303
    assert locals_of(koeln) >= {"hello"}


def test_a_mailbox_comes_back_under_a_whole_address_and_is_purged_by_it(as_operator, koeln):
    anna = add_mailbox(SYSTEM, koeln, LocalPart("anna"))
    page = f"/domains/{koeln.name}/mailboxes/{anna.pk}/"
    remove_mailbox(SYSTEM, anna)
    make_live(koeln)
    answer = as_operator.post(f"{page}restore/", {"local": "ann@köln.example"})
    assert answer.status_code == 303
    anna.refresh_from_db()
    assert str(anna) == "ann@xn--kln-sna.example"
    remove_mailbox(SYSTEM, anna)
    koeln.refresh_from_db()
    make_live(koeln)
    answer = as_operator.post(f"{page}purge/", {"typed": "Ann@köln.example"})
    assert answer.status_code == 303


def test_unknown_recipients_are_delivered_to_a_whole_address(as_operator, koeln):
    add_mailbox(SYSTEM, koeln, LocalPart("anna"))
    data = {"unknown": "mailbox", "mailbox": "anna@köln.example"}
    assert as_operator.post(f"/domains/{koeln.name}/settings/unknown/", data).status_code == 303
    koeln.refresh_from_db()
    assert koeln.unknown_target == "anna@xn--kln-sna.example"


def test_an_address_of_another_domain_is_no_name_here(as_operator, koeln, domain):
    answer = as_operator.post(f"/domains/{koeln.name}/mailboxes/", {"local": "a@pandle.net"})
    assert "Enter only the part before the @." in answer.content.decode()
    assert answer.status_code == 422
