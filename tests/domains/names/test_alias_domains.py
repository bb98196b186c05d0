"""Alias domains and sub-domains: further names for the addresses of a domain."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Domain
from qmailpanel.domains.names.services import (
    add_alias_domain,
    remove_alias_domain,
    restore_alias_domain,
)
from qmailpanel.domains.routes.pointers import pointers_to
from qmailpanel.domains.services import add_domain, change_domain, remove_domain, restore_domain
from qmailpanel.ledger.actors import SYSTEM, Refused
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, DomainName, LocalPart, MailAddress
from qmailpanel.reports.models import RoutedLine, SyncPosition
from qmailpanel.reports.statuses import Status, Statuses

PAGE = "/domains/pandle.net/settings/names/"
ALIAS = DomainName("pandle.org")


def settle(domain: Domain) -> None:
    """As sync does when everything of the domain is live."""
    domain.refresh_from_db()
    SyncPosition.objects.update_or_create(
        node=settings.QMAILPANEL_NODE,
        domain=domain.pk,
        defaults={"tried": domain.change_id, "applied": domain.change_id},
    )


def names_of(domain: Domain) -> set[str]:
    rows = domain.names.aliases().filter(removed=False)
    return set(rows.values_list("name", flat=True))


def test_an_alias_domain_is_a_change_of_its_domain_and_pending_until_that_is_live(
    domain: Domain,
) -> None:
    alias = add_alias_domain(SYSTEM, domain, ALIAS)
    domain.refresh_from_db()
    assert alias.change_id == domain.change_id
    assert str(Change.objects.get(pk=alias.change_id).noun) == "alias domain"
    assert Statuses([domain.pk]).of_name(alias) is Status.PENDING
    settle(domain)
    assert Statuses([domain.pk]).of_name(alias) is Status.LIVE
    remove_alias_domain(SYSTEM, alias)
    assert Statuses([domain.pk]).of_name(alias) is Status.PENDING
    settle(domain)
    assert Statuses([domain.pk]).of_name(alias) is Status.REMOVED


def test_a_name_belongs_to_one_domain_whether_its_own_or_an_alias(domain: Domain) -> None:
    other = add_domain(SYSTEM, DomainName("other.test"))
    add_alias_domain(SYSTEM, domain, ALIAS)
    with pytest.raises(Refused, match=r"pandle\.org is an alias domain of pandle\.net"):
        add_domain(SYSTEM, ALIAS)
    with pytest.raises(Refused, match="is an alias domain of"):
        add_alias_domain(SYSTEM, other, ALIAS)
    with pytest.raises(Refused, match=r"other\.test is a domain here already"):
        add_alias_domain(SYSTEM, domain, DomainName("other.test"))
    with pytest.raises(Refused, match=r"pandle\.net is a domain here already"):
        add_alias_domain(SYSTEM, domain, DomainName("pandle.net"))


def test_a_removed_name_is_free_when_the_removal_is_live_and_not_before(domain: Domain) -> None:
    alias = add_alias_domain(SYSTEM, domain, ALIAS)
    settle(domain)
    remove_alias_domain(SYSTEM, alias)
    with pytest.raises(Refused, match="still being removed"):
        add_domain(SYSTEM, ALIAS)
    settle(domain)
    add_domain(SYSTEM, ALIAS)
    with pytest.raises(Refused, match=r"pandle\.org is a domain here already"):
        restore_alias_domain(SYSTEM, alias)
    assert names_of(domain) == set()


def test_adding_a_removed_alias_domain_again_is_undoing_its_removal(domain: Domain) -> None:
    alias = add_alias_domain(SYSTEM, domain, ALIAS)
    remove_alias_domain(SYSTEM, alias)
    assert add_alias_domain(SYSTEM, domain, ALIAS).pk == alias.pk
    assert names_of(domain) == {"pandle.org"}


def test_alias_domains_go_and_come_back_with_their_domain(domain: Domain) -> None:
    add_alias_domain(SYSTEM, domain, ALIAS)
    add_alias_domain(SYSTEM, domain, DomainName("pandle.example"))
    remove_domain(SYSTEM, domain)
    settle(domain)
    add_domain(SYSTEM, ALIAS)
    restore_domain(SYSTEM, domain)
    assert names_of(domain) == {"pandle.example"}


def test_a_name_that_the_host_routes_already_is_refused_with_its_line(domain: Domain) -> None:
    node = settings.QMAILPANEL_NODE
    file, line = "control/virtualdomains", ".pandle.net:7"
    RoutedLine.objects.create(node=node, name=".pandle.net", file=file, number=3, line=line)
    with pytest.raises(Refused, match="line 3 of control/virtualdomains"):
        add_alias_domain(SYSTEM, domain, DomainName("x.pandle.net"))
    with pytest.raises(Refused, match="line 3 of control/virtualdomains"):
        change_domain(SYSTEM, domain, subdomains=True)


def test_mail_cannot_run_in_a_circle_over_an_alias_domain(domain: Domain) -> None:
    add_alias_domain(SYSTEM, domain, ALIAS)
    with pytest.raises(Refused):
        add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("info@pandle.org")])


def test_who_delivers_to_a_mailbox_by_an_alias_domain_is_named(domain: Domain) -> None:
    add_alias_domain(SYSTEM, domain, ALIAS)
    box = add_mailbox(SYSTEM, domain, LocalPart("ann"))
    add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("ann@pandle.org")])
    assert pointers_to(box, SYSTEM) == ["info@pandle.net"]


def test_the_operator_adds_removes_and_restores_on_the_settings_page(
    as_operator: Client, domain: Domain
) -> None:
    names = "/domains/pandle.net/names/"
    assert as_operator.post(names, {"name": "Bücher.example"}).status_code == 303
    page = as_operator.get(PAGE).content.decode()
    assert "bücher.example" in page
    assert "xn--bcher-kva.example" in page
    alias = domain.names.aliases().get()
    assert as_operator.post(f"{names}{alias.pk}/remove/").status_code == 303
    assert f"{names}{alias.pk}/restore/" in as_operator.get(PAGE).content.decode()
    assert as_operator.post(f"{names}{alias.pk}/restore/").status_code == 303
    assert names_of(domain) == {"xn--bcher-kva.example"}


def test_a_bad_or_taken_name_is_an_error_at_the_field(as_operator: Client, domain: Domain) -> None:
    for typed in ("", "not a name", "pandle.net"):
        answer = as_operator.post("/domains/pandle.net/names/", {"name": typed})
        assert answer.status_code == 422
        assert "id_name_error" in answer.content.decode()


def test_a_colleague_without_the_right_sees_the_alias_domains_and_changes_none(
    as_colleague: Client, domain: Domain
) -> None:
    domain.grants.update(rights=["addresses"])
    alias = add_alias_domain(SYSTEM, domain, ALIAS)
    page = as_colleague.get(PAGE).content.decode()
    assert "pandle.org" in page
    assert "/domains/pandle.net/names/" not in page
    assert as_colleague.post(f"/domains/pandle.net/names/{alias.pk}/remove/").status_code == 403
    assert domain.names.filter(name="pandle.org", removed=False).exists()


def test_a_colleague_with_the_right_removes_an_alias_domain_but_adds_none(
    as_colleague: Client, domain: Domain
) -> None:
    alias = add_alias_domain(SYSTEM, domain, ALIAS)
    assert as_colleague.post("/domains/pandle.net/names/").status_code == 404
    assert as_colleague.post(f"/domains/pandle.net/names/{alias.pk}/remove/").status_code == 303
    assert not domain.names.filter(name="pandle.org", removed=False).exists()


def test_sub_domains_are_switched_by_a_button(as_operator: Client, domain: Domain) -> None:
    assert as_operator.post("/domains/pandle.net/subdomains/", {"on": "1"}).status_code == 303
    domain.refresh_from_db()
    assert domain.subdomains
    assert "Refuse sub-domains" in as_operator.get(PAGE).content.decode()


def test_the_pulse_tells_when_an_alias_domain_is_live(as_operator: Client, domain: Domain) -> None:
    alias = add_alias_domain(SYSTEM, domain, ALIAS)
    settle(domain)
    answer = as_operator.get("/pulse/", {"pending": f"n{alias.pk}"}).content.decode()
    assert f'id="status-n{alias.pk}"' in answer
    assert "pandle.org is live" in answer


def test_an_alias_domain_of_a_removed_domain_is_not_removed_on_its_own(domain) -> None:
    alias = add_alias_domain(SYSTEM, domain, DomainName("pandle.org"))
    remove_domain(SYSTEM, domain)
    with pytest.raises(Refused, match="is removed"):
        remove_alias_domain(SYSTEM, alias)
