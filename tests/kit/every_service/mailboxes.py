"""The services of mailboxes, and how Activity tells what they did."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils import timezone

from qmailpanel.aliases import services as aliases
from qmailpanel.mailboxes import owners
from qmailpanel.mailboxes import services as mailboxes
from qmailpanel.mailboxes.delivery import forwarding, replies
from qmailpanel.mailboxes.opening import app_passwords, links, second_factor, switches
from qmailpanel.mailboxes.removal import services as removal
from qmailpanel.qmail.names import LocalPart, MailAddress
from tests.kit.every_service.world import (
    IP,
    NEXT,
    PRESENT,
    A,
    B,
    World,
    case,
)
from tests.kit.signing_in import enrol

MAILBOXES = [
    case(
        mailboxes.add_mailbox,
        lambda w: mailboxes.add_mailbox(w.by, w.domain, LocalPart("bob"), comment="Cellar"),
        "root@example.org added the mailbox bob@pandle.net; Comment: → Cellar",
    ),
    case(
        mailboxes.set_password,
        lambda w: mailboxes.set_password(w.by, w.box, password=NEXT, must_change=True),
        "root@example.org set the password of the mailbox ada@pandle.net; "
        "Must choose a new password at the next sign-in: → yes",
    ),
    case(
        mailboxes.change_mailbox,
        lambda w: mailboxes.change_mailbox(w.by, w.box, comment="Cellar", refusal="Away"),
        "root@example.org changed the mailbox ada@pandle.net; Comment: → Cellar; "
        "Answer while switched off or on hold: → Away",
    ),
    case(
        mailboxes.change_quota,
        lambda w: mailboxes.change_quota(w.by, w.box, quota=500 << 20, messages=100_000),
        "root@example.org changed the mailbox ada@pandle.net; Quota: no limit → 500 MB; "
        "Quota of messages: no limit → 100000",
    ),
    case(
        mailboxes.switch_mailbox,
        lambda w: mailboxes.switch_mailbox(w.by, w.box, on=False),
        "root@example.org switched off the mailbox ada@pandle.net",
    ),
    case(
        mailboxes.switch_mailbox,
        lambda w: mailboxes.switch_mailbox(w.by, w.box, on=True),
        "root@example.org switched on the mailbox ada@pandle.net",
        before=lambda w: mailboxes.switch_mailbox(w.by, w.box, on=False),
    ),
    case(
        mailboxes.hold_mailbox,
        lambda w: mailboxes.hold_mailbox(w.by, w.box, on_hold=True),
        "root@example.org changed the mailbox ada@pandle.net; On hold: no → yes",
    ),
    case(
        owners.set_own_password,
        lambda w: owners.set_own_password(w.owner, w.mailbox, present=PRESENT, password=NEXT),
        "ada@pandle.net changed the password of their mailbox",
    ),
    case(
        forwarding.change_forwarding,
        lambda w: forwarding.change_forwarding(w.by, w.box, destinations=[A, B], keeps=False),
        "root@example.org changed the mailbox ada@pandle.net; "
        "Delivers to: → a@side.test, b@side.test; A copy stays: yes → no",
    ),
    case(
        forwarding.change_own_forwarding,
        lambda w: forwarding.change_own_forwarding(
            w.owner, w.mailbox, destinations=[A], keeps=True
        ),
        "ada@pandle.net changed their mailbox; Delivers to: → a@side.test",
    ),
    case(
        replies.change_reply,
        lambda w: replies.change_reply(
            w.by, w.box, **w.reply(first=date(2026, 12, 1), last=date(2026, 12, 24), days=3)
        ),
        "root@example.org changed the auto-reply of ada@pandle.net; Answers by itself: no → yes; "
        "Subject: → Away; Text: → Back soon.; First day: → 2026-12-01; Last day: → 2026-12-24; "
        "Days between two answers: 7 → 3",
    ),
    case(
        replies.change_own_reply,
        lambda w: replies.change_own_reply(w.owner, w.mailbox, **w.reply()),
        "ada@pandle.net changed their auto-reply; Answers by itself: no → yes; "
        "Subject: → Away; Text: → Back soon.",
    ),
    case(
        replies.turn_replies,
        lambda _w: (
            replies.turn_replies(date(2199, 12, 1)),
            replies.turn_replies(date(2199, 12, 25)),
        ),
        "system switched on the auto-reply of ada@pandle.net",
        "system switched off the auto-reply of ada@pandle.net",
        before=lambda w: replies.change_reply(
            w.by, w.box, **w.reply(first=date(2199, 12, 1), last=date(2199, 12, 24))
        ),
    ),
    case(
        second_factor.remove_second_factor,
        lambda w: second_factor.remove_second_factor(w.by, w.box),
        "root@example.org removed the app of ada@pandle.net",
        before=lambda w: enrol(owners.owner_of(w.mailbox)),
    ),
    case(
        second_factor.remove_second_factor,
        lambda w: second_factor.remove_second_factor(w.by, w.box),
    ),
    case(
        app_passwords.add_app_password,
        lambda w: app_passwords.add_app_password(
            w.by, w.box, name="laptop", imap=True, pop3=True, sending=True
        ),
        "root@example.org made an app password for ada@pandle.net; "
        "Name: → laptop; Opens: → IMAP, POP3, Sending",
    ),
    case(
        app_passwords.add_app_password,
        lambda w: app_passwords.add_app_password(
            w.owner, w.box, name="laptop", imap=True, pop3=False, sending=False
        ),
        "ada@pandle.net made an app password; Name: → laptop; Opens: → IMAP",
    ),
    case(
        app_passwords.remove_app_password,
        lambda w: app_passwords.remove_app_password(w.by, w.box, w.app_password),
        "root@example.org removed an app password of ada@pandle.net; Name: phone →",
    ),
    case(
        app_passwords.remove_app_password,
        lambda w: app_passwords.remove_app_password(w.owner, w.box, w.app_password),
        "ada@pandle.net removed an app password; Name: phone →",
    ),
    case(
        links.offer_link,
        lambda w: links.offer_link(w.by, w.box),
        "root@example.org made a link for the owner of ada@pandle.net",
    ),
    case(
        links.use_link,
        lambda w: links.use_link(IP, w.link.rpartition("=")[2], NEXT),
        "ada@pandle.net changed the password of their mailbox",
        before=World.offer_link,
    ),
    case(
        switches.change_switches,
        lambda w: switches.change_switches(
            w.by, w.box, imap=False, pop3=False, sending=False, panel=False
        ),
        "root@example.org changed the mailbox ada@pandle.net; IMAP: on → off; POP3: on → off; "
        "Sending: on → off; Opens the panel: yes → no",
    ),
    case(
        removal.remove_mailbox,
        lambda w: removal.remove_mailbox(w.by, w.box, with_aliases=True),
        "root@example.org removed the mailbox ada@pandle.net; Aliases that went with it: → info",
        "root@example.org removed the alias info@pandle.net",
        before=lambda w: aliases.change_alias(
            w.by, w.alias, destinations=[MailAddress("ada@pandle.net")]
        ),
    ),
    case(
        removal.restore_mailbox,
        lambda w: removal.restore_mailbox(w.by, w.box, local=LocalPart("eve")),
        "root@example.org restored the mailbox eve@pandle.net; Name: ada → eve",
        before=World.remove,
    ),
    case(
        removal.purge_mailbox,
        lambda w: removal.purge_mailbox(w.by, w.box),
        "root@example.org purged the mail of the mailbox ada@pandle.net",
        before=World.remove_domain,
    ),
    case(
        removal.purge_due,
        lambda _w: removal.purge_due(timezone.now() + timedelta(days=31)),
        "system purged the mail of the mailbox ada@pandle.net",
        before=World.remove,
    ),
]
