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
UNKNOWN = {"description": "", "unknown": "discard"}
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
    (SETTINGS, UNKNOWN, "Saved."),
    ("/domains/pandle.net/limits/", {"mailboxes": "9"}, "The limits are saved."),
    ("/domains/pandle.net/owners/", {"password": "on"}, "Saved."),
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
