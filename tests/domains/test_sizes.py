"""How much there is in each domain of a list, of how much there may be."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.access.limits import change_limits, count
from qmailpanel.domains.models import Domain, Kind
from qmailpanel.domains.sizes import Sizes
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from tests.kit.live import write_usage


def row_of(client: Client, page: str = "/domains/") -> str:
    """The cells of the first row, one space between words."""
    body = client.get(page).content.decode()
    return " ".join(body.partition('<tbody id="rows">')[2].partition("</tr>")[0].split())


def test_counts_are_those_of_the_limits_and_leave_out_what_was_removed(domain: Domain) -> None:
    boxes = [add_mailbox(SYSTEM, domain, LocalPart(local)) for local in ("ada", "bob", "gone")]
    remove_mailbox(SYSTEM, boxes[-1])
    add_alias(SYSTEM, domain, AliasLocal("sales"), [MailAddress("ada@pandle.net")])
    size = Sizes([domain]).of(domain)
    assert (size.mailboxes, size.aliases) == (2, 1)
    assert size.mailboxes == count(domain, Kind.MAILBOX)
    assert size.aliases == count(domain, Kind.ALIAS)


def test_the_row_says_how_many_of_how_many_and_how_much_mail(
    as_colleague: Client, domain: Domain
) -> None:
    box = add_mailbox(SYSTEM, domain, LocalPart("ada"))
    usage = write_usage(box, percent=50)
    usage.bytes = 512 * 1024
    usage.save()
    assert ">1</td>" in row_of(as_colleague)
    assert "<svg" not in row_of(as_colleague).partition('class="used"')[2].partition("</td>")[0]
    change_limits(SYSTEM, domain, mailboxes=5, aliases=3, pool=1024 * 1024)
    row = row_of(as_colleague)
    assert ">1 of 5</td>" in row
    assert ">0 of 3</td>" in row
    assert "512.0 KB" in row
    assert 'class="part" width="50"' in row


def test_a_domain_that_is_off_says_off_and_that_it_refuses(
    as_operator: Client, domain: Domain
) -> None:
    Domain.objects.update(enabled=False)
    assert "all mail is refused" in row_of(as_operator)


@pytest.mark.parametrize("page", ["/", "/domains/"])
def test_prepends_are_for_operators_and_in_the_settings(
    as_operator: Client, as_colleague: Client, domain: Domain, page: str
) -> None:
    assert "Prepend" not in as_operator.get(page).content.decode()
    here = "/domains/pandle.net/settings/"
    prepend = f"<code>{domain.prepend}</code>"
    assert prepend in as_operator.get(here).content.decode()
    assert prepend not in as_colleague.get(here).content.decode()


def test_sizes_of_any_number_of_domains_take_five_queries(
    domain: Domain, other_domain: Domain, django_assert_num_queries: Any
) -> None:
    for some in ([domain], [domain, other_domain]):
        with django_assert_num_queries(5):
            Sizes(some)
