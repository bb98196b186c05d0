"""Whatever is removed, somebody is asked first where others deliver to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from qmailpanel.aliases.services import add_alias, remove_alias, restore_alias
from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress

THEIRS = "1 address of another domain"


def alias(domain: Domain, local: str, *targets: str) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(one) for one in targets])


@pytest.fixture
def sales(domain: Domain, other_domain: Domain) -> Address:
    """An alias to which somebody else delivers."""
    alias(other_domain, "secret", "Sales@pandle.net")
    return alias(domain, "sales", "x@elsewhere.example")


@pytest.fixture
def further(domain: Domain, other_domain: Domain) -> object:
    """An alias domain to which somebody else delivers."""
    alias(other_domain, "secret", "anybody@pandle.org")
    return add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))


def body(response: Any) -> str:
    return str(response.content.decode())


def test_an_alias(sales, person) -> None:
    actor = person("addresses", "forwarding")
    with pytest.raises(Refused, match=rf"These deliver to sales@pandle\.net: {THEIRS}"):
        remove_alias(actor, sales)
    sales.refresh_from_db()
    assert not sales.removed
    assert remove_alias(actor, sales, despite_pointers=True).removed
    remove_alias(actor, sales)
    restore_alias(actor, sales)


def test_an_alias_domain_which_its_own_addresses_deliver_to_as_well(
    domain, further, person
) -> None:
    alias(domain, "info", "box@pandle.org")
    with pytest.raises(Refused, match=rf"to pandle\.org: info@pandle\.net, {THEIRS}"):
        remove_alias_domain(person("names"), further)
    further.refresh_from_db()
    assert not further.removed
    assert remove_alias_domain(SYSTEM, further, despite_pointers=True).removed


def test_a_domain_but_not_for_what_it_delivers_to_itself(domain) -> None:
    add_mailbox(SYSTEM, domain, LocalPart("box"))
    alias(domain, "info", "box@pandle.net")
    assert remove_domain(SYSTEM, domain).removed


def test_a_domain_to_which_others_deliver(domain, further) -> None:
    with pytest.raises(Refused, match=r"to pandle\.net: secret@stranger\.example"):
        remove_domain(SYSTEM, domain)
    domain.refresh_from_db()
    assert not domain.removed
    assert remove_domain(SYSTEM, domain, despite_pointers=True).removed


def test_the_page_of_an_alias_asks(as_colleague: Client, sales) -> None:
    page = f"/domains/pandle.net/aliases/{sales.pk}/remove/"
    asked = body(as_colleague.get(page))
    assert THEIRS in asked
    assert "secret" not in asked
    assert "Remove all the same" in asked
    answer = as_colleague.post(page)
    assert answer.status_code == 422
    assert THEIRS in body(answer)
    assert as_colleague.post(page, {"despite": "1"}).status_code == 303
    sales.refresh_from_db()
    assert sales.removed


def test_the_page_of_a_domain_asks(as_operator: Client, domain, further) -> None:
    page = "/domains/pandle.net/remove/"
    assert "secret@stranger.example" in body(as_operator.get(page))
    answer = as_operator.post(page)
    assert answer.status_code == 422
    assert "Remove all the same" in body(answer)
    assert as_operator.post(page, {"despite": "1"}).status_code == 303
    domain.refresh_from_db()
    assert domain.removed


def test_the_settings_ask_before_an_alias_domain_goes(as_operator: Client, further) -> None:
    page = f"/domains/pandle.net/names/{further.pk}/remove/"
    answer = as_operator.post(page)
    assert answer.status_code == 422
    assert "secret@stranger.example" in body(answer)
    assert "Remove all the same" in body(answer)
    assert as_operator.post(page, {"despite": "1"}).status_code == 303
    further.refresh_from_db()
    assert further.removed
