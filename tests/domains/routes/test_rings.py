"""A name that becomes ours closes no ring of forwards."""

from __future__ import annotations

import pytest

from qmailpanel.aliases.services import add_alias, change_alias, remove_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Address, Domain, Unknown
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.renaming import rename_domain
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.mailboxes.delivery.forwarding import change_forwarding
from qmailpanel.mailboxes.removal.services import remove_mailbox
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress

CIRCLE = "would come back to it"
NEW = DomainName("new.example")


def alias(domain: Domain, local: str, *targets: str) -> Address:
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(one) for one in targets])


def test_an_alias_domain(domain, other_domain) -> None:
    alias(domain, "a", "b@stranger.example")
    alias(other_domain, "b", "A@new.example")
    with pytest.raises(Refused, match=f"a@new.example {CIRCLE}"):
        add_alias_domain(SYSTEM, domain, NEW)
    assert not domain.names.filter(name=NEW).exists()
    add_alias_domain(SYSTEM, other_domain, NEW)


def test_an_alias_domain_that_comes_back(domain, other_domain) -> None:
    name = add_alias_domain(SYSTEM, domain, NEW)
    remove_alias_domain(SYSTEM, name)
    alias(domain, "a", "b@stranger.example")
    alias(other_domain, "b", "a@new.example")
    for bring_back in (
        lambda: restore_alias_domain(SYSTEM, name),
        lambda: add_alias_domain(SYSTEM, domain, NEW),
    ):
        with pytest.raises(Refused, match=CIRCLE):
            bring_back()
    name.refresh_from_db()
    assert name.removed


def test_a_domain(other_domain) -> None:
    alias(other_domain, "chief", "postmaster@new.example")
    with pytest.raises(Refused, match=f"postmaster@new.example {CIRCLE}"):
        add_domain(SYSTEM, NEW, contact=MailAddress("chief@stranger.example"))
    assert not Domain.objects.filter(name=NEW).exists()


@pytest.mark.parametrize("keep", [True, False])
def test_another_name_of_a_domain(domain, other_domain, keep) -> None:
    alias(domain, "a", "b@stranger.example")
    alias(other_domain, "b", "a@new.example")
    with pytest.raises(Refused, match=CIRCLE):
        rename_domain(SYSTEM, domain, NEW, keep=keep)
    assert Domain.objects.get(pk=domain.pk).name == "pandle.net"


def test_names_below_a_domain(domain) -> None:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("box"))
    change_forwarding(
        SYSTEM, mailbox, destinations=[MailAddress("box@mail.pandle.net")], keeps=True
    )
    with pytest.raises(Refused, match=f"box@mail.pandle.net {CIRCLE}"):
        change_domain(SYSTEM, domain, subdomains=True)
    domain.refresh_from_db()
    assert not domain.subdomains


def test_over_a_name_below_a_domain(domain) -> None:
    change_domain(SYSTEM, domain, subdomains=True)
    with pytest.raises(Refused, match="would come back"):
        alias(domain, "a", "a@sub.pandle.net")
    b = alias(domain, "b", "c@sub.pandle.net")
    with pytest.raises(Refused, match="would come back"):
        alias(domain, "c", str(b))


def test_not_over_a_name_below_that_is_a_domain_of_its_own(domain) -> None:
    add_domain(SYSTEM, DomainName("sub.pandle.net"))
    alias(domain, "a", "a@sub.pandle.net")
    change_domain(SYSTEM, domain, subdomains=True)


def test_a_domain_that_is_restored(domain, other_domain) -> None:
    alias(domain, "a", "b@stranger.example")
    remove_domain(SYSTEM, domain)
    b = alias(other_domain, "b", "a@pandle.net")
    with pytest.raises(Refused, match=f"a@pandle.net {CIRCLE}"):
        restore_domain(SYSTEM, domain)
    domain.refresh_from_db()
    assert domain.removed
    change_alias(SYSTEM, b, destinations=[MailAddress("x@elsewhere.example")])
    restore_domain(SYSTEM, domain)


def test_unknown_recipients_that_come_back_with_their_domain(domain, other_domain) -> None:
    change_domain(SYSTEM, domain, unknown=Unknown.FORWARD, unknown_target="b@stranger.example")
    remove_domain(SYSTEM, domain)
    alias(other_domain, "b", "nobody@pandle.net")
    with pytest.raises(Refused, match=CIRCLE):
        restore_domain(SYSTEM, domain)


def test_a_mailbox_for_unknown_recipients_that_forwards_to_one_of_them(domain) -> None:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("box"))
    change_forwarding(SYSTEM, mailbox, destinations=[MailAddress("no@pandle.net")], keeps=True)
    with pytest.raises(Refused, match="would come back again"):
        change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="box")
    domain.refresh_from_db()
    assert domain.unknown == Unknown.BOUNCE


@pytest.mark.parametrize("number", [1, 3])
def test_a_ring_takes_the_same_queries_for_any_number_of_destinations(
    domain, other_domain, django_assert_max_num_queries, number
) -> None:
    for one in range(number):
        alias(other_domain, f"a{one}", f"b{one}@new.example")
    with django_assert_max_num_queries(20):
        add_alias_domain(SYSTEM, domain, NEW)


def forward_unknown(domain: Domain, target: str) -> None:
    change_domain(
        SYSTEM, domain, unknown=Unknown.FORWARD, unknown_text="", unknown_target=MailAddress(target)
    )


def test_an_alias_that_goes_and_whose_mail_the_unknown_recipients_get(domain, other_domain) -> None:
    info = alias(domain, "info", "me@side.test")
    desk = alias(other_domain, "desk", "info@pandle.net")
    forward_unknown(domain, "desk@stranger.example")
    with pytest.raises(Refused, match=r"Mail to info@pandle\.net would come back to it"):
        remove_alias(SYSTEM, info, despite_pointers=True)
    info.refresh_from_db()
    assert not info.removed
    change_alias(SYSTEM, desk, destinations=[MailAddress("me@side.test")])
    assert remove_alias(SYSTEM, info).removed


def test_a_mailbox_that_goes_and_for_which_somebody_answers(domain, other_domain) -> None:
    ann = add_mailbox(actor=SYSTEM, domain=domain, local=LocalPart("ann"))
    alias(other_domain, "desk", "ann@pandle.net")
    set_responder(
        SYSTEM, domain, subject="Gone", text="Gone.", target="desk@stranger.example", days=1
    )
    with pytest.raises(Refused, match=r"Mail to ann@pandle\.net would come back to it"):
        remove_mailbox(SYSTEM, ann, despite_pointers=True)


def test_not_the_mailbox_of_unknown_recipients_itself_which_bounce_then(domain) -> None:
    ann = add_mailbox(actor=SYSTEM, domain=domain, local=LocalPart("ann"))
    change_domain(
        SYSTEM,
        domain,
        unknown=Unknown.MAILBOX,
        unknown_text="",
        unknown_target=MailAddress("ann@pandle.net"),
    )
    assert remove_mailbox(SYSTEM, ann, despite_pointers=True).removed
