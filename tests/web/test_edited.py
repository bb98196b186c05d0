"""Two people have one form open: who saves second is told what the first one saved."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Barrier
from typing import Any
from urllib.parse import urljoin

import pytest
from django.db import connection
from django.test import Client

from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.departed.services import set_responder
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.delivery.forms import ForwardingForm
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress


@dataclass(frozen=True)
class Form:
    """Where it is shown and sent to, its key in the context, and what two people type."""

    page: str
    key: str
    first: dict[str, Any]
    second: dict[str, Any]
    told: str
    there: str = ""


DOMAIN = "/domains/pandle.net/"
REPLY = {"part": "reply", "on": "on", "subject": "Away", "text": "Until May.", "days": "7"}
LEFT = {"subject": "Gone", "text": "Ask Bob.", "target": "", "days": "7"}
FORMS = [
    Form(
        "{alias}",
        "form",
        {"destinations": "first@example.org", "comment": ""},
        {"destinations": "second@example.org", "comment": ""},
        "Delivers to: first@example.org",
    ),
    Form("{mailbox}", "form", {"comment": "First"}, {"comment": "Second"}, "Comment: First"),
    Form("{mailbox}more/", "form", {"refusal": "First"}, {"refusal": "Second"}, ": First"),
    Form("{mailbox}quota/", "quota_form", {"quota": "1 GB"}, {"quota": "2 GB"}, "Quota: 1 GB"),
    Form(
        "{mailbox}access/",
        "switches_form",
        {"imap": "on"},
        {},
        "IMAP: mail programs read it: yes",
        "../opens/",
    ),
    Form(
        "{mailbox}mail/",
        "forwarding",
        {"part": "forwarding", "destinations": "first@example.org"},
        {"part": "forwarding", "destinations": "second@example.org"},
        "Forward to: first@example.org",
    ),
    Form("{mailbox}mail/", "reply", REPLY, {**REPLY, "text": "Until June."}, "Text: Until May."),
    Form(
        f"{DOMAIN}settings/",
        "form",
        {"description": "First"},
        {"description": "Second"},
        "Description: First",
    ),
    Form(
        f"{DOMAIN}settings/unknown/",
        "form",
        {"unknown": "discard"},
        {"unknown": "bounce", "unknown_text": "No."},
        "Discard",
    ),
    Form(
        f"{DOMAIN}settings/limits/",
        "limits_form",
        {"mailboxes": "3"},
        {"mailboxes": "4"},
        "Mailboxes: 3",
        "../../limits/",
    ),
    Form(
        f"{DOMAIN}settings/owners/",
        "owners_form",
        {"items": ["password"]},
        {"items": ["usage"]},
        "Owners may see: their password",
    ),
    Form(
        f"{DOMAIN}settings/unknown/",
        "responder_form",
        LEFT,
        {**LEFT, "text": "Ask Ann."},
        "Text: Ask Bob.",
        "../../responder/",
    ),
    Form(
        f"{DOMAIN}people/{{grant}}/",
        "form",
        {"preset": "help desk"},
        {"preset": "mailboxes"},
        "May do: Help desk",
    ),
]


@pytest.fixture
def places(domain: Domain, colleague: User) -> dict[str, str]:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    alias = add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("a@example.org")])
    set_responder(SYSTEM, domain, subject="Gone", text="Ask me.", target="", days=7)
    return {
        "mailbox": f"{DOMAIN}mailboxes/{mailbox.pk}/",
        "alias": f"{DOMAIN}aliases/{alias.pk}/",
        "grant": str(Grant.objects.get(user=colleague).pk),
    }


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.page}{form.key}")
def test_who_saves_second_is_asked_and_told_what_the_first_one_saved(
    as_operator: Client, places: dict[str, str], form: Form
) -> None:
    page = form.page.format(**places)
    there = urljoin(page, form.there)
    seen = as_operator.get(page).context[form.key].seen
    assert as_operator.post(there, {**form.first, "seen": seen}).status_code == 303
    saved = Change.objects.count()
    asked = as_operator.post(there, {**form.second, "seen": seen})
    assert asked.status_code == 422
    text = asked.content.decode()
    assert "saved this while you had it open." in text
    assert form.told in text
    assert "Save again to write yours over it." in text
    assert Change.objects.count() == saved
    again = {**form.second, "seen": asked.context[form.key].seen}
    assert f'name="seen" value="{again["seen"]}"' in text
    assert as_operator.post(there, again).status_code == 303
    assert Change.objects.count() == saved + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.page}{form.key}")
def test_of_two_who_save_in_the_same_instant_one_is_asked(
    operator: User, sign_in: Any, places: dict[str, str], form: Form
) -> None:
    page = form.page.format(**places)
    there = urljoin(page, form.there)
    browser = sign_in(operator)
    seen = browser.get(page).context[form.key].seen
    saved, both = Change.objects.count(), Barrier(2)
    with ThreadPoolExecutor(2) as people:
        typed = [{**typed, "seen": seen} for typed in (form.first, form.second)]
        save = partial(save_with_the_other, both, browser.cookies, there)
        answers = sorted(people.map(save, typed))
    assert answers == [303, 422]
    assert Change.objects.count() == saved + 1


def save_with_the_other(both: Barrier, cookies: Any, there: str, typed: dict[str, Any]) -> int:
    """Over a connection of its own; what was typed is looked at by both before either saves."""
    met = list[int]()

    def meet(execute: Any, sql: str, *more: Any) -> Any:
        if not met and (sql.startswith("BEGIN") or "FOR UPDATE" in sql):
            met.append(both.wait(10))
        return execute(sql, *more)

    browser = Client()
    browser.cookies = cookies
    with closing(connection), connection.execute_wrapper(meet):
        return browser.post(there, typed).status_code


def test_what_others_saved_elsewhere_on_the_page_is_no_hindrance(as_operator, places) -> None:
    seen = as_operator.get(places["mailbox"]).context["form"].seen
    as_operator.post(f"{places['mailbox']}quota/", {"quota": "1 GB"})
    answer = as_operator.post(places["mailbox"], {"comment": "Bob", "seen": seen})
    assert answer.status_code == 303


def test_who_saved_is_named(as_operator, as_colleague, places) -> None:
    seen = as_operator.get(places["alias"]).context["form"].seen
    as_colleague.post(places["alias"], {"destinations": "b@example.org", "comment": ""})
    typed = {"destinations": "c@example.org", "comment": "", "seen": seen}
    said = as_operator.post(places["alias"], typed).content.decode()
    assert "colleague@example.org saved this while you had it open." in said


def test_an_owner_is_not_told_who_saved(domain) -> None:
    address = add_mailbox(SYSTEM, domain, LocalPart("ann"), password="kitten-orbit-parsley-9")
    form = ForwardingForm.of(address, {"destinations": "", "seen": "x"})
    assert str(form.non_field_errors()[0]).startswith("Somebody saved this")
