"""Another name for addresses and domains: rows, pointers, and who may not."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Address, Claim, Domain, Responder, Unknown
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.domains.renaming import rename_address, rename_domain
from qmailpanel.domains.services import add_domain, change_domain, remove_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail import names
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.live import make_live

pytestmark = pytest.mark.django_db


def mailbox(domain: Domain, local: str) -> Address:
    return add_mailbox(SYSTEM, domain, names.LocalPart(local))


def alias(domain: Domain, local: str, *targets: str) -> Address:
    destinations = [names.MailAddress(target) for target in targets]
    return add_alias(SYSTEM, domain, names.AliasLocal(local), destinations)


def rename(address: Address, local: str, *, keep: bool = True) -> Address:
    return rename_address(SYSTEM, address, names.LocalPart(local), keep=keep)


def targets(address: Address) -> list[str]:
    return [there.target for there in address.destinations.all()]


@pytest.mark.parametrize("keep", [True, False])
def test_a_renamed_mailbox_leaves_its_old_name_as_an_alias_removed_or_not(domain, keep) -> None:
    ann = mailbox(domain, "ann")
    rename(ann, "anna", keep=keep)
    old = domain.addresses.get(local="ann")
    assert (old.kind, old.removed, targets(old)) == ("alias", not keep, ["anna@pandle.net"])
    ann.refresh_from_db()
    assert (ann.local, ann.kind, ann.change) == ("anna", "mailbox", old.change)
    change = Change.objects.get(verb=Verb.RENAMED)
    assert (change.target, change.before, change.after) == (
        "ann@pandle.net",
        {"local": "ann"},
        {"local": "anna"},
    )


def test_whatever_delivers_to_it_follows(domain, other_domain) -> None:
    add_alias_domain(SYSTEM, domain, names.DomainName("pandle.org"))
    ann = mailbox(domain, "ann")
    near = alias(domain, "info", "ann@pandle.net", "x@side.test")
    far = alias(other_domain, "info", "ann@pandle.org")
    change_domain(SYSTEM, domain, unknown=Unknown.MAILBOX, unknown_target="ann")
    rename(ann, "anna")
    assert targets(near) == ["anna@pandle.net", "x@side.test"]
    assert targets(far) == ["anna@pandle.org"]
    domain.refresh_from_db()
    assert domain.unknown_target == "anna@pandle.net"
    far.refresh_from_db()
    other_domain.refresh_from_db()
    assert other_domain.change == far.change


def test_what_delivers_to_it_in_another_spelling_follows_too(domain, other_domain) -> None:
    far = alias(other_domain, "info", "Ann@new.example", "x@side.test")
    set_responder(SYSTEM, other_domain, subject="S", text="T", target="ANN@new.example", days=7)
    change_domain(SYSTEM, other_domain, unknown=Unknown.FORWARD, unknown_target="aNN@new.example")
    ann = mailbox(domain, "ann")
    add_alias_domain(SYSTEM, domain, names.DomainName("new.example"))
    change_domain(SYSTEM, domain, subdomains=True)
    below = alias(other_domain, "below", "ann@mail.pandle.net")
    rename(ann, "anna", keep=False)
    assert targets(far) == ["anna@new.example", "x@side.test"]
    assert targets(below) == ["anna@mail.pandle.net"]
    other_domain.refresh_from_db()
    assert other_domain.unknown_target == "anna@new.example"
    assert Responder.objects.get().target == "anna@new.example"


def test_the_rows_of_others_neither_follow_nor_are_left_without_the_old_name(
    domain, other_domain, person
) -> None:
    ann, theirs = mailbox(domain, "ann"), alias(other_domain, "theirs", "ann@pandle.net")
    own = alias(domain, "own", "ann@pandle.net")
    actor, last = person("addresses"), theirs.change_id
    with pytest.raises(Refused, match=r"1 address of another domain. Keep it as an alias"):
        rename_address(actor, ann, names.LocalPart("anna"), keep=False)
    ann.refresh_from_db()
    rename_address(actor, ann, names.LocalPart("anna"), keep=True)
    theirs.refresh_from_db()
    assert (targets(theirs), theirs.change_id) == (["ann@pandle.net"], last)
    assert targets(own) == ["anna@pandle.net"]
    assert targets(domain.addresses.get(local="ann")) == ["anna@pandle.net"]


def test_a_name_that_is_taken_is_refused(domain) -> None:
    ann = mailbox(domain, "ann")
    mailbox(domain, "bob")
    with pytest.raises(Refused, match="is a mailbox already"):
        rename(ann, "bob")


def test_the_old_name_is_nobodys_before_the_rename_is_live(domain) -> None:
    ann = mailbox(domain, "ann")
    rename(ann, "anna", keep=False)
    with pytest.raises(Refused, match="still being removed"):
        mailbox(domain, "ann")
    make_live(domain)
    mailbox(domain, "ann")


def test_postmaster_stays_as_an_alias(domain) -> None:
    postmaster = domain.addresses.get(local="postmaster")
    with pytest.raises(Refused, match="Keep it as an alias"):
        rename(postmaster, "chief", keep=False)
    rename(postmaster, "chief")
    assert targets(domain.addresses.get(local="postmaster")) == ["chief@pandle.net"]


def test_an_alias_is_never_renamed_to_what_it_delivers_to(domain) -> None:
    info = alias(domain, "info", "sales@pandle.net")
    with pytest.raises(Refused, match="deliver to itself"):
        rename(info, "sales")


def test_a_name_that_no_alias_can_have_cannot_be_kept(domain) -> None:
    box = mailbox(domain, "list-owner")
    with pytest.raises(Refused, match="a meaning of its own"):
        rename(box, "ann")
    rename(box, "ann", keep=False)


# domains


def new_name(domain: Domain, name: str, *, keep: bool = True) -> Domain:
    return rename_domain(SYSTEM, domain, names.DomainName(name), keep=keep)


@pytest.mark.parametrize("keep", [True, False])
def test_a_renamed_domain_keeps_its_number_and_its_old_name_as_an_alias_domain(
    domain, keep
) -> None:
    prepend = domain.prepend
    new_name(domain, "pandle.com", keep=keep)
    domain.refresh_from_db()
    assert (domain.name, domain.prepend) == ("pandle.com", prepend)
    old = Claim.objects.get(name="pandle.net")
    assert (old.domain, old.removed, old.claims) == (domain, not keep, True)
    assert domain.whole == domain.change_id


def test_what_delivers_to_its_addresses_follows_wherever_it_is(domain, other_domain) -> None:
    mailbox(domain, "ann")
    near = alias(domain, "info", "ann@pandle.net", "x@not-pandle.net")
    far = alias(other_domain, "info", "ann@pandle.net", "ann@pandle.com")
    change_domain(SYSTEM, other_domain, unknown=Unknown.FORWARD, unknown_target="ann@pandle.net")
    new_name(domain, "pandle.com")
    assert targets(near) == ["ann@pandle.com", "x@not-pandle.net"]
    assert targets(far) == ["ann@pandle.com"]
    other_domain.refresh_from_db()
    assert other_domain.unknown_target == "ann@pandle.com"
    assert Change.objects.filter(verb=Verb.CHANGED, target=str(far)).exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has statistics")
def test_a_rename_of_a_domain_reads_no_address_that_does_not_deliver_there(domain) -> None:
    with CaptureQueriesContext(connection) as queries:
        rename_domain(SYSTEM, domain, names.DomainName("pandle.com"), keep=True)
    asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
    assert [sql for sql in asked if "SCAN domains_address" in explain(sql)] == []


def explain(sql: str) -> str:
    with connection.cursor() as cursor:
        return str(cursor.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall())


def test_mail_for_the_departed_and_to_names_below_follows_the_domain(domain, other_domain) -> None:
    change_domain(SYSTEM, domain, subdomains=True)
    add_domain(SYSTEM, names.DomainName("own.pandle.net"))
    far = alias(other_domain, "info", "a@mail.pandle.net", "b@own.pandle.net", "C@pandle.net")
    set_responder(SYSTEM, other_domain, subject="S", text="T", target="a@pandle.net", days=7)
    new_name(domain, "pandle.com", keep=False)
    assert targets(far) == ["a@mail.pandle.com", "b@own.pandle.net", "c@pandle.com"]
    assert Responder.objects.get().target == "a@pandle.com"


def test_an_alias_domain_can_become_the_name_and_back(domain) -> None:
    add_alias_domain(SYSTEM, domain, names.DomainName("pandle.org"))
    new_name(domain, "pandle.org")
    assert list(domain.names.aliases().values_list("name", flat=True)) == ["pandle.net"]
    new_name(domain, "pandle.net")
    assert list(domain.names.aliases().values_list("name", flat=True)) == ["pandle.org"]


def test_a_name_of_another_domain_is_refused(domain, other_domain) -> None:
    with pytest.raises(Refused, match="is a domain here already"):
        new_name(domain, other_domain.name)
    assert Domain.objects.get(pk=domain.pk).name == "pandle.net"


def test_the_old_name_of_a_domain_is_free_once_the_rename_is_live(domain) -> None:
    new_name(domain, "pandle.com", keep=False)
    with pytest.raises(Refused, match="still being removed"):
        add_domain(SYSTEM, names.DomainName("pandle.net"))
    make_live(domain)
    add_domain(SYSTEM, names.DomainName("pandle.net"))


def test_an_alias_in_a_domain_that_lost_its_name_follows_without_waiting_for_ever(domain) -> None:
    gone = add_domain(SYSTEM, names.DomainName("gone.test"))
    ann = mailbox(domain, "ann")
    far = alias(gone, "info", "ann@pandle.net")
    remove_domain(SYSTEM, gone)
    make_live(gone)
    add_domain(SYSTEM, names.DomainName("gone.test"))
    make_live(gone)
    rename(ann, "anna")
    new_name(domain, "pandle.com")
    assert targets(far) == ["anna@pandle.com"]
    assert Statuses([gone.pk]).of_domain(Domain.objects.get(pk=gone.pk)) is Status.REMOVED


@pytest.mark.parametrize("keep", [True, False])
def test_the_old_address_of_a_page_leads_to_the_same_page_of_the_renamed_domain(
    as_colleague, as_stranger, domain, keep
):
    make_live(domain)
    rename_domain(SYSTEM, domain, names.DomainName("pandle.example"), keep=keep)
    page = "/domains/pandle.net/mailboxes/?q=bob"
    there = as_colleague.get(page)
    assert (there.status_code, there.headers.get("Location")) == (
        302,
        "/domains/pandle.example/mailboxes/?q=bob",
    )
    assert as_stranger.get(page).status_code == 404
    assert as_colleague.post("/domains/pandle.net/mailboxes/", {}).status_code == 404
    assert as_colleague.get("/domains/nobody.example/").status_code == 404
