"""Every form that is sent about something which somebody else removed a moment ago."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client

from qmailpanel.accounts.access import Audience
from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import remove_alias
from qmailpanel.domains.access.rights import ALL, in_order
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.domains.names.services import remove_alias_domain
from qmailpanel.domains.services import remove_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.removal.services import remove_mailbox
from tests.kit.routes import ROUTES, Route, address_of, make_person, make_rows, of_person

NEW_PASSWORD = "nine copper kettles"
FORWARDING = {"part": "forwarding", "destinations": "biliards2@pandle.net", "keeps": "on"}
TYPED: dict[str, dict[str, Any]] = {
    "domains:settings": {"description": "billiards"},
    "domains:unknown": {"unknown": "discard"},
    "domains:rename": {"name": "another.example"},
    "domains:switch": {"on": "0"},
    "domains:switch_subdomains": {"on": "1"},
    "domains:change_limits": {"mailboxes": "5"},
    "domains:responder": {"subject": "Gone", "text": "Not here.", "days": "7"},
    "domains:owners": {"items": ["password"]},
    "domains:add_name": {"name": "yet.example"},
    "domains:remove": {"typed": "pandle.net"},
    "mailboxes:list": {"local": "new", "password": NEW_PASSWORD},
    "mailboxes:detail": {"comment": "of the club"},
    "mailboxes:more": {"refusal": "Ask the club."},
    "mailboxes:mail": FORWARDING,
    "mailboxes:password": {"password": NEW_PASSWORD},
    "mailboxes:switches": {"imap": "on"},
    "mailboxes:app_passwords": {"name": "laptop", "imap": "on"},
    "mailboxes:quota": {"quota": "500 MB"},
    "mailboxes:rename": {"local": "snooker", "keep": "on"},
    "mailboxes:switch": {"on": "0"},
    "mailboxes:remove": {"despite": "1"},
    "mailboxes:purge": {"typed": "biliards@pandle.net"},
    "mailboxes:own_mail": FORWARDING,
    "mailboxes:own_password": {"present": "seven lanterns", "password": NEW_PASSWORD},
    "mailboxes:own_app_passwords": {"name": "laptop", "imap": "on"},
    "aliases:list": {"local": "new", "destinations": "biliards"},
    "aliases:further": {"local": "new"},
    "aliases:detail": {"destinations": "biliards\nelsewhere@stranger.example"},
    "aliases:rename": {"local": "snooker"},
    "aliases:switch": {"on": "0"},
    "people:of_domain": {"email": "further@example.org", "preset": "help desk"},
    "people:grant": {"preset": "help desk"},
    "people:switch": {"on": "0"},
    "people:ask_name": {"name": "yet.example"},
    "people:decline_request": {"why": "It is not yours."},
    "console:decide": {"side": "ours"},
    "console:decide_of": {"side": "ours"},
    "console:back": {"from": "1"},
}
ANSWERED = {200, 302, 303, 404, 422}
BACKEND = "qmailpanel.mailboxes.owners.MailboxBackend"


def asked_by(route: Route, kind: str) -> bool:
    """Whether this kind of person finds a form there that is about something."""
    wanted = Audience.OWNER if kind == "owner" else Audience.PERSON
    of_operators = kind == "operator" and route.audience is Audience.OPERATOR
    is_about = bool(route.takes) or kind == "owner"
    return is_about and (route.audience is wanted or of_operators)


@pytest.fixture
def rows(domain):
    return make_rows(domain)


@pytest.fixture
def browser(rows, domain, operator) -> Callable[[str], Client]:
    """In which a person of this kind is signed in."""

    def signed_in(kind: str) -> Client:
        client = Client(raise_request_exception=False)
        person = _person_of(kind, rows, domain, operator)
        client.force_login(person, **({"backend": BACKEND} if kind == "owner" else {}))
        rows.update({} if kind == "owner" else of_person(person))
        return client

    return signed_in


def _person_of(kind: str, rows: dict[str, Any], domain: Domain, operator: User) -> User:
    if kind == "owner":
        return owner_of(rows["mailboxes"].mailbox)
    if kind == "operator":
        return operator
    person = make_person("full@example.org")
    Grant.objects.create(user=person, domain=domain, rights=in_order(ALL))
    return person


def remove_row(route: Route, rows: dict[str, Any]) -> None:
    """As somebody else would: what the address of the route names, or deletes."""
    app = route.name.partition(":")[0]
    row = rows.get(route.name) or rows.get(app)
    if route.name in ("mailboxes:remove_app_password", "mailboxes:own_remove_app_password"):
        _delete(rows["row"])
    elif app == "mailboxes":
        remove_mailbox(SYSTEM, rows["mailboxes"], despite_pointers=True)
    elif app == "aliases":
        remove_alias(SYSTEM, rows["aliases"])
    elif app == "domains" and row:
        remove_alias_domain(SYSTEM, row)
    elif row:
        _delete(row)


def _delete(row: Model) -> None:
    """In the database alone: the tests go on with the row's number."""
    type(row)._base_manager.filter(pk=row.pk).delete()


@contextmanager
def quicker(act: Callable[[], None]) -> Iterator[None]:
    """Somebody is quicker: it is done after the view looked, before the service's transaction."""
    has_begun = False

    def look(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        nonlocal has_begun
        if sql.startswith("SAVEPOINT") and not has_begun:
            has_begun = True
            act()
        return execute(sql, *more)

    with connection.execute_wrapper(look):
        yield


def answers(
    client: Client, kind: str, rows: dict[str, Any], remove: Callable[[Route], None], *, late: bool
):
    """What each form gets for an answer when that is removed before or while it is sent."""
    for route in ROUTES:
        if not asked_by(route, kind):
            continue
        cache.clear()
        address, typed = address_of(route, rows), TYPED.get(route.name, {})
        with transaction.atomic():
            if late:
                with quicker(partial(remove, route)):
                    answer = client.post(address, typed)
            else:
                remove(route)
                answer = client.post(address, typed)
            transaction.set_rollback(True)
        if answer.status_code != 405:
            yield route, answer


def says_why(answer: HttpResponse) -> bool:
    """Whether the page has a sentence where errors stand."""
    return 'class="error' in answer.content.decode()


@pytest.mark.parametrize("kind", ["operator", "colleague", "owner"])
@pytest.mark.parametrize("late", [False, True], ids=["before", "meanwhile"])
@pytest.mark.parametrize("what", ["its domain", "itself"])
def test_a_form_about_what_somebody_else_just_removed_is_answered_with_a_sentence(
    kind, late, what, browser, rows, domain
):
    def remove(route: Route) -> None:
        if what == "itself":
            remove_row(route, rows)
        else:
            remove_domain(SYSTEM, Domain.objects.get(pk=domain.pk))

    client = browser(kind)
    wrong = {
        route.name: answer.status_code
        for route, answer in answers(client, kind, rows, remove, late=late)
        if answer.status_code not in ANSWERED
        or (answer.status_code == 422 and not says_why(answer))
    }
    assert wrong == {}
