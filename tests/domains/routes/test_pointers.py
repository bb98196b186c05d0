"""Who delivers to an address, however that is written."""

from __future__ import annotations

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.routes.pointers import pointers_to
from qmailpanel.domains.services import add_domain, change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress


def alias(domain, local, *targets):
    return add_alias(SYSTEM, domain, AliasLocal(local), [MailAddress(one) for one in targets])


def test_what_was_written_in_another_case_before_the_name_was_ours_delivers_to_it(
    domain, other_domain
):
    alias(other_domain, "old", "Bob@new.example")
    change_domain(SYSTEM, other_domain, unknown=Unknown.FORWARD, unknown_target="BOB@New.Example")
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    add_alias_domain(SYSTEM, domain, DomainName("new.example"))
    alias(other_domain, "new", "bOb@NEW.example")
    assert pointers_to(bob, SYSTEM) == [
        "new@stranger.example",
        "old@stranger.example",
        "unknown recipients of stranger.example",
    ]


def test_mail_to_a_name_below_delivers_to_it_unless_that_is_a_domain_of_its_own(
    domain, other_domain
):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    alias(other_domain, "a", "bob@mail.pandle.net")
    assert pointers_to(bob, SYSTEM) == []
    change_domain(SYSTEM, domain, subdomains=True)
    assert pointers_to(bob, SYSTEM) == ["a@stranger.example"]
    add_domain(SYSTEM, DomainName("mail.pandle.net"))
    assert pointers_to(bob, SYSTEM) == []


def test_mail_for_people_who_left_delivers_to_it(domain, other_domain):
    bob = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    set_responder(
        SYSTEM, other_domain, subject="Left", text="Gone.", target="Bob@pandle.net", days=7
    )
    assert pointers_to(bob, SYSTEM) == ["mail for people who left stranger.example"]
