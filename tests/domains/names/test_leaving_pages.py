"""What a page says of a removed domain or alias domain that still refuses mail."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.domains.names.services import add_alias_domain, remove_alias_domain
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.qmail.names import DomainName
from tests.kit.live import make_live
from tests.kit.signing_in import text_of

SETTINGS = "/domains/pandle.net/settings/"
NAMES = f"{SETTINGS}names/"
BUTTON = "It is served elsewhere now"
AT, DAY = datetime(2026, 5, 4, 14, 20, tzinfo=UTC), datetime(2026, 5, 11, 14, 0, tzinfo=UTC)


def text(client: Client, address: str = SETTINGS) -> str:
    return " ".join(text_of(client.get(address).content.decode()).split())


@pytest.fixture
def gone(domain: Domain) -> Domain:
    remove_domain(SYSTEM, domain)
    make_live(domain)
    return domain


@pytest.fixture
def alias(domain: Domain) -> Claim:
    claim = add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    remove_alias_domain(SYSTEM, claim)
    return claim


def test_a_removed_domain_says_until_when_mail_is_refused(as_operator, gone) -> None:
    assert "refused for 20 minutes from when that is live" in text(as_operator)
    gone.names.update(refuses_until=AT)
    Domain.objects.update(leaving_until=DAY)
    page = text(as_operator)
    assert "What still comes is refused until 2026-05-04 14:20 UTC" in page
    assert "waits in the queue is refused until 2026-05-11" in page
    assert "Removed" in page


def test_a_name_below_anothers_says_that_it_refuses_until_somebody_has_it(as_operator) -> None:
    above = add_domain(SYSTEM, DomainName("alpha.test"))
    change_domain(SYSTEM, above, subdomains=True)
    below = add_domain(SYSTEM, DomainName("shop.alpha.test"))
    remove_domain(SYSTEM, below)
    below.names.update(refuses_until=AT)
    page = text(as_operator, "/domains/shop.alpha.test/settings/")
    assert "mail to shop.alpha.test is refused until somebody has that name" in page


def test_the_operator_says_that_a_domain_is_served_elsewhere(as_operator, gone) -> None:
    assert BUTTON in text(as_operator)
    assert as_operator.post("/domains/pandle.net/elsewhere/").url == SETTINGS
    assert not gone.names.filter(refuses=True).exists()
    assert BUTTON not in text(as_operator)
    Domain.objects.update(leaving_until=DAY)
    assert "waits in the queue is refused until 2026-05-11" in text(as_operator)


def test_the_operator_says_that_an_alias_domain_is_served_elsewhere(as_operator, alias) -> None:
    assert BUTTON in text(as_operator, NAMES)
    address = f"/domains/pandle.net/names/{alias.pk}/elsewhere/"
    assert as_operator.post(address).url == NAMES
    alias.refresh_from_db()
    assert not alias.refuses
    assert BUTTON not in text(as_operator, NAMES)


def test_who_looks_after_the_domain_reads_it_and_has_no_button(as_colleague, gone) -> None:
    page = text(as_colleague)
    assert "refused for 20 minutes" in page
    assert BUTTON not in page
    assert as_colleague.post("/domains/pandle.net/elsewhere/").status_code == 404


def test_a_domain_that_is_there_says_nothing_of_it(as_operator, gone) -> None:
    restore_domain(SYSTEM, gone)
    assert BUTTON not in text(as_operator)
    assert "still comes" not in text(as_operator)
    as_operator.post("/domains/pandle.net/elsewhere/")
    assert not Domain.objects.filter(leaving=True).exists()
