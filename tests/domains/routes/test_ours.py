"""Whose mail to a name is, while the name or what is above it was removed."""

from __future__ import annotations

import pytest

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.domains.names.leaving import serve_elsewhere
from qmailpanel.domains.routes.ours import Ours
from qmailpanel.domains.services import add_domain, change_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.names import DomainName


@pytest.fixture
def shop(domain: Domain) -> Domain:
    change_domain(SYSTEM, domain, subdomains=True)
    return add_domain(SYSTEM, DomainName("shop.pandle.net"))


def whose(name: str, *, removed: bool = False) -> Domain | None:
    return Ours().read([name], removed=removed).get(name)


def test_a_removed_name_is_nobodys_while_it_refuses_and_then_of_the_one_above(domain, shop) -> None:
    remove_domain(SYSTEM, shop)
    assert whose("shop.pandle.net") is None
    assert whose("shop.pandle.net", removed=True) == shop
    serve_elsewhere(SYSTEM, shop)
    assert whose("shop.pandle.net") == domain
    assert whose("shop.pandle.net", removed=True) == shop


def test_names_below_a_removed_name_are_nobodys_while_that_refuses(domain, shop) -> None:
    change_domain(SYSTEM, shop, subdomains=True)
    assert whose("a.shop.pandle.net") == shop
    remove_domain(SYSTEM, shop)
    assert whose("a.shop.pandle.net") is None
    Claim.objects.update(refuses=False)
    assert whose("a.shop.pandle.net") == domain
