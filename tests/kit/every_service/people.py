"""The services of people, and how Activity tells what they did."""

from __future__ import annotations

from qmailpanel.domains.models import Grant
from qmailpanel.ledger.actors import Actor
from qmailpanel.people import accepting, grants, invitations, persons, requests
from qmailpanel.qmail.names import DomainName
from tests.kit.every_service.world import (
    HELPING,
    IP,
    NEXT,
    World,
    acting,
    case,
)

ALL = (
    "reset passwords, switch addresses off and on, create, change, rename and remove mailboxes "
    "and aliases, deliver to addresses outside, change the description and what happens to "
    "unknown recipients, set quotas, remove alias domains and ask for new ones, let others look "
    "after the domain"
)
PEOPLE = [
    case(
        grants.grant_rights,
        lambda w: grants.grant_rights(w.by, w.ann, [w.domain], HELPING),
        "root@example.org granted rights in pandle.net to ann@example.org; "
        "Rights: → reset passwords, switch addresses off and on",
        before=lambda _w: Grant.objects.all().delete(),
    ),
    case(
        grants.change_rights,
        lambda w: grants.change_rights(w.by, w.ann, [w.domain], HELPING),
        "root@example.org changed the rights of ann@example.org in pandle.net; Rights: "
        + ALL
        + " → reset passwords, switch addresses off and on",
    ),
    case(
        grants.revoke_rights,
        lambda w: grants.revoke_rights(w.by, w.ann, [w.domain]),
        "root@example.org took all rights in pandle.net from ann@example.org; Rights: reset "
        "passwords →",
        before=lambda _w: Grant.objects.update(rights=["passwords"]),
    ),
    case(
        grants.revoke_rights,
        lambda w: grants.revoke_rights(acting(w.ann), w.ann, [w.domain]),
        "ann@example.org gave up all rights in pandle.net; Rights: reset passwords →",
        before=lambda _w: Grant.objects.update(rights=["passwords"]),
    ),
    case(
        persons.switch_person,
        lambda w: persons.switch_person(w.by, w.ann, on=False),
        "root@example.org switched off the person ann@example.org",
    ),
    case(
        persons.switch_person,
        lambda w: persons.switch_person(w.by, w.ann, on=True),
        "root@example.org switched on the person ann@example.org",
        before=lambda w: persons.switch_person(w.by, w.ann, on=False),
    ),
    case(
        persons.demote,
        lambda w: persons.demote(w.by, w.second),
        "root@example.org changed the rights of second@example.org; Runs this host: yes → no",
    ),
    case(
        invitations.invite,
        lambda w: invitations.invite(w.by, "bob@example.org", [w.domain], HELPING),
        "root@example.org invited bob@example.org to look after pandle.net; "
        "Rights: → reset passwords, switch addresses off and on",
    ),
    case(
        invitations.invite,
        lambda w: invitations.invite(w.by, "ann@example.org", [w.domain], HELPING),
        "root@example.org granted rights in pandle.net to ann@example.org; "
        "Rights: → reset passwords, switch addresses off and on",
        before=lambda _w: Grant.objects.all().delete(),
    ),
    case(
        invitations.invite_operator,
        lambda w: invitations.invite_operator(w.by, "bob@example.org"),
        "root@example.org invited bob@example.org to run this host",
    ),
    case(
        invitations.withdraw,
        lambda w: invitations.withdraw(w.by, [w.invitation]),
        "root@example.org withdrew the invitation of new@example.org to look after pandle.net",
    ),
    case(
        invitations.withdraw,
        lambda w: invitations.withdraw(w.by, [w.to_run]),
        "root@example.org withdrew the invitation of runs@example.org to run this host",
    ),
    case(
        accepting.accept,
        lambda w: accepting.accept(Actor(None, "", IP), w.token, NEXT),
        "new@example.org accepted the invitation to look after pandle.net; Invited by: → system",
        "new@example.org got rights in pandle.net; "
        "Rights: → reset passwords, switch addresses off and on",
    ),
    case(
        accepting.accept,
        lambda w: accepting.accept(Actor(None, "", IP), w.token, NEXT),
        "new@example.org accepted the invitation to look after pandle.net; "
        "Invited by: → ann@example.org",
        "The invitation of new@example.org to look after other.example ended; "
        "Invited by: → ann@example.org",
        "new@example.org got rights in pandle.net; "
        "Rights: → reset passwords, switch addresses off and on",
        before=World.offer_half,
    ),
    case(
        accepting.accept,
        lambda w: accepting.accept(Actor(None, "", IP), w.token_to_run, NEXT),
        "runs@example.org accepted the invitation to run this host; Invited by: → system",
    ),
    case(
        requests.request_name,
        lambda w: requests.request_name(acting(w.ann), DomainName("new.example")),
        "ann@example.org requested new.example",
    ),
    case(
        requests.request_name,
        lambda w: requests.request_name(acting(w.ann), DomainName("new.example"), w.domain),
        "ann@example.org requested new.example; As an alias domain of: → pandle.net",
    ),
    case(
        requests.accept_request,
        lambda w: requests.accept_request(w.by, w.asked),
        "root@example.org added the domain wish.example; "
        "Postmaster and abuse deliver to: → ann@example.org",
        "root@example.org granted rights in wish.example to ann@example.org; Rights: → " + ALL,
    ),
    case(
        requests.accept_request,
        lambda w: requests.accept_request(w.by, w.asked_alias),
        "root@example.org added the alias domain also.example; Of the domain: → pandle.net",
    ),
    case(
        requests.prove_request,
        lambda w: requests.prove_request(acting(w.ann), w.asked),
        "ann@example.org proved to own wish.example",
        "system added the domain wish.example; Postmaster and abuse deliver to: → ann@example.org",
        "system granted rights in wish.example to ann@example.org; Rights: → " + ALL,
        before=World.publish_proof,
    ),
    case(
        requests.decline_request,
        lambda w: requests.decline_request(w.by, w.asked, "no"),
        "root@example.org declined the request for wish.example",
    ),
    case(
        requests.withdraw_request,
        lambda w: requests.withdraw_request(acting(w.ann), w.asked),
        "ann@example.org withdrew the request for wish.example",
    ),
]
