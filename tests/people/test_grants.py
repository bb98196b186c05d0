"""Giving and taking rights: never more than one's own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from qmailpanel.domains.access.rights import NotAllowed, Preset, Right, read_rights
from qmailpanel.domains.models import Grant
from qmailpanel.ledger.actors import SYSTEM, Actor, Refused
from qmailpanel.ledger.models import Change, Verb
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.people.grants import change_rights, revoke_rights
from qmailpanel.people.persons import demote, switch_person
from qmailpanel.qmail.names import LocalPart
from tests.kit.people import rights_in, user_of


@pytest.fixture
def helper(domain, person):
    """Somebody at the help desk, and the grant."""
    actor = person("passwords", "switching", email="helper@example.org")
    return Grant.objects.get(domain=domain, user=user_of(actor))


def test_other_rights_are_recorded_with_those_before(domain, helper, operator):
    change_rights(SYSTEM, helper.user, [helper.domain], Preset.MAILBOXES.rights)
    assert rights_in(domain, "helper@example.org") == ["addresses", "passwords", "switching"]
    change = Change.objects.latest("id")
    assert change.before == {"rights": ["passwords", "switching"]}
    assert change.after == {"rights": ["passwords", "switching", "addresses"]}
    assert change.domain == domain.pk


def test_who_may_grant_gives_what_they_have_and_no_more(domain, helper, person):
    actor = person("granting", "passwords", "switching", "addresses")
    change_rights(actor, helper.user, [helper.domain], read_rights(["addresses"]))
    with pytest.raises(NotAllowed, match="deliver to addresses outside"):
        change_rights(actor, helper.user, [helper.domain], read_rights(["forwarding"]))
    assert rights_in(domain, "helper@example.org") == ["addresses"]


def test_nobody_takes_from_those_who_have_more(domain, person, colleague):
    mighty = Grant.objects.get(domain=domain, user=colleague)
    actor = person("granting", "passwords")
    with pytest.raises(NotAllowed):
        change_rights(actor, mighty.user, [mighty.domain], read_rights(["passwords"]))
    with pytest.raises(NotAllowed):
        revoke_rights(actor, mighty.user, [mighty.domain])
    assert rights_in(domain, "colleague@example.org") == sorted(Right.values)


def test_who_may_not_grant_changes_nothing(helper, person):
    actor = person(*(set(Right.values) - {"granting"}))
    with pytest.raises(NotAllowed):
        change_rights(actor, helper.user, [helper.domain], read_rights(["names"]))
    with pytest.raises(NotAllowed):
        revoke_rights(actor, helper.user, [helper.domain])


def test_nobody_changes_their_own_rights_but_anybody_may_leave(domain, colleague, person):
    own = Grant.objects.get(domain=domain, user=colleague)
    actor = person(email="colleague@example.org")
    with pytest.raises(NotAllowed, match="Nobody changes their own rights"):
        change_rights(actor, own.user, [own.domain], read_rights(["passwords"]))
    revoke_rights(actor, own.user, [own.domain])
    assert rights_in(domain, "colleague@example.org") is None


def test_a_grant_of_nothing_is_refused(helper):
    with pytest.raises(Refused, match="Choose at least one right"):
        change_rights(SYSTEM, helper.user, [helper.domain], read_rights([]))


def test_what_is_taken_is_gone_in_open_sessions_at_once(domain, as_colleague, colleague):
    assert as_colleague.get("/domains/pandle.net/mailboxes/").status_code == 200
    revoke_rights(SYSTEM, colleague, [domain])
    assert as_colleague.get("/domains/pandle.net/mailboxes/").status_code == 404
    data = {"local": "late"}
    assert as_colleague.post("/domains/pandle.net/mailboxes/", data).status_code == 404
    assert not domain.addresses.filter(local="late").exists()


@pytest.mark.django_db(transaction=True)
def test_between_a_removed_grant_and_an_open_form_the_first_wins_whole(domain, colleague):
    """Whatever the order, nothing is done by somebody after the grant is gone."""
    actor = Actor(colleague.pk, str(colleague), None)
    grant = Grant.objects.get(domain=domain, user=colleague)

    def race(number):
        try:
            if number == 3:
                revoke_rights(SYSTEM, grant.user, [grant.domain])
            else:
                add_mailbox(actor, domain, LocalPart(f"m{number}"))
        except NotAllowed:
            return "refused"
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(race, range(8)))
    gone = Change.objects.get(verb=Verb.REVOKED).pk
    added = Change.objects.filter(verb=Verb.ADDED, actor_id=colleague.pk)
    assert not added.filter(pk__gt=gone).exists()
    assert added.count() == answers.count("done") - 1


# accounts


def test_who_is_switched_off_is_out_at_once_and_comes_back(as_colleague, colleague, operator):
    switch_person(SYSTEM, colleague, on=False)
    assert as_colleague.get("/domains/").status_code == 302
    switch_person(SYSTEM, colleague, on=True)
    assert as_colleague.get("/domains/").status_code == 200


def test_the_last_operator_stays(operator, person):
    other = person(email="second@example.org")
    with pytest.raises(Refused, match="last operator"):
        switch_person(SYSTEM, operator, on=False)
    with pytest.raises(Refused, match="last operator"):
        demote(SYSTEM, operator)
    second = user_of(other)
    second.is_operator = True
    second.save()
    demote(SYSTEM, operator)
    operator.refresh_from_db()
    assert not operator.is_operator


def test_only_operators_decide_about_accounts_and_not_about_their_own(
    operator, colleague, person, stranger
):
    with pytest.raises(NotAllowed):
        switch_person(person(*Right.values), colleague, on=False)
    actor = person(email="operator@example.org")
    with pytest.raises(NotAllowed, match="to themselves"):
        switch_person(actor, operator, on=False)
