"""Whoever saves a form is told so on the next page, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress

SETTINGS = "/domains/pandle.net/settings/"
FORWARDING = {"part": "forwarding", "destinations": "a@example.org", "keeps": "on"}
REPLY = {"part": "reply", "on": "on", "subject": "Away", "text": "Until May.", "days": "7"}
UNKNOWN = {"unknown": "discard"}
LEFT = {"subject": "Gone", "text": "Ask Bob.", "target": "", "days": "7"}
SAVED = [
    ("{mailbox}", {"comment": "Prices"}, "Saved."),
    ("{mailbox}password/", {"password": "kitten-orbit-parsley-9"}, "The password is set."),
    ("{mailbox}quota/", {"quota": "1 GB", "messages": ""}, "The quota is saved."),
    ("{mailbox}rename/", {"local": "robert"}, "Renamed."),
    ("{mailbox}opens/", {"imap": "on", "panel": "on"}, "Saved."),
    ("{mailbox}mail/", FORWARDING, "Saved."),
    ("{mailbox}mail/", REPLY, "Saved."),
    ("{alias}", {"destinations": "b@example.org", "comment": ""}, "Saved."),
    ("{alias}rename/", {"local": "news"}, "Renamed."),
    (SETTINGS, {"description": "Shop"}, "Saved."),
    (f"{SETTINGS}unknown/", UNKNOWN, "Saved."),
    ("/domains/pandle.net/limits/", {"mailboxes": "9"}, "The limits are saved."),
    (f"{SETTINGS}owners/", {"password": "on"}, "Saved."),
    ("/domains/pandle.net/responder/", LEFT, "The answer is saved."),
    ("/domains/pandle.net/rename/", {"name": "pandle.example"}, "Renamed."),
]


@pytest.mark.parametrize(("there", "typed", "said"), SAVED)
def test_the_next_page_says_that_it_is_saved_and_the_one_after_it_does_not(
    as_operator: Client, domain: Domain, there: str, typed: dict[str, Any], said: str
) -> None:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    alias = add_alias(SYSTEM, domain, AliasLocal("info"), [MailAddress("a@example.org")])
    page = there.format(
        mailbox=f"/domains/pandle.net/mailboxes/{mailbox.pk}/",
        alias=f"/domains/pandle.net/aliases/{alias.pk}/",
    )
    answer = as_operator.post(page, typed, follow=True)
    assert answer.redirect_chain
    assert 'class="said"' in answer.content.decode()
    assert said in answer.content.decode()
    again = as_operator.get(answer.request["PATH_INFO"]).content.decode()
    assert 'class="said"' not in again


def test_a_form_that_is_not_good_is_not_said_to_be_saved(as_operator, domain) -> None:
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("bob"))
    page = f"/domains/pandle.net/mailboxes/{mailbox.pk}/quota/"
    assert 'class="said"' not in as_operator.post(page, {"quota": "much"}).content.decode()


def say(client: Client, domain: Domain) -> None:
    """Have something said on the next page."""
    there = f"/domains/{domain.name}/limits/"
    assert client.post(there, {"mailboxes": "9"}).status_code == 303


def is_told(client: Client) -> bool:
    return "The limits are saved." in client.get("/domains/").content.decode()


def test_what_is_said_is_kept_under_a_name_of_this_panels_own(
    as_operator, domain, settings
) -> None:
    say(as_operator, domain)
    kept = as_operator.cookies.pop(settings.QMAILPANEL_SAID_COOKIE)
    as_operator.cookies["messages"] = kept.value
    as_operator.cookies["qmailpanel-said-1"] = kept.value
    assert not is_told(as_operator)


def test_what_somebody_else_wrote_there_is_not_said(as_operator, domain, settings) -> None:
    say(as_operator, domain)
    kept = as_operator.cookies[settings.QMAILPANEL_SAID_COOKIE]
    kept.set(kept.key, kept.value.replace("saved", "gone"), kept.value.replace("saved", "gone"))
    assert "are gone" not in as_operator.get("/domains/").content.decode()


def test_who_signs_in_next_in_the_same_browser_is_not_told_what_was_said_before(
    as_operator, colleague, domain
) -> None:
    say(as_operator, domain)
    as_operator.force_login(colleague)
    assert not is_told(as_operator)
