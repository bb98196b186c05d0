"""The services of domains, and how Activity tells what they did."""

from __future__ import annotations

from qmailpanel.aliases import services as aliases
from qmailpanel.domains import renaming
from qmailpanel.domains import services as domains
from qmailpanel.domains.access.limits import change_limits
from qmailpanel.domains.departed import services as departed
from qmailpanel.domains.models import Claim, OwnItem, Unknown
from qmailpanel.domains.names import leaving
from qmailpanel.domains.names import services as names
from qmailpanel.qmail.names import DomainName, LocalPart, MailAddress
from tests.kit.every_service.world import (
    A,
    World,
    case,
)

DOMAINS = [
    case(
        domains.add_domain,
        lambda w: domains.add_domain(
            w.by, DomainName("new.example"), description="A firm", contact=A, enabled=False
        ),
        "root@example.org added the domain new.example; Description: → A firm; "
        "Switched on: → no; Postmaster and abuse deliver to: → a@side.test",
    ),
    case(
        domains.change_domain,
        lambda w: domains.change_domain(
            w.by, w.domain, description="A firm", unknown=Unknown.FORWARD, unknown_target=A
        ),
        "root@example.org changed the domain pandle.net; Description: → A firm; "
        "Unknown recipients: Bounce with a text → Forward to an address; "
        "Unknown recipients go to: → a@side.test",
    ),
    case(
        domains.change_domain,
        lambda w: domains.change_domain(
            w.by, w.domain, unknown=Unknown.BOUNCE, unknown_text="Gone", subdomains=True
        ),
        "root@example.org changed the domain pandle.net; "
        "Text for unknown recipients: → Gone; Mail to all sub-domains: no → yes",
    ),
    case(
        domains.change_withheld,
        lambda w: domains.change_withheld(
            w.by, w.domain, withheld=[OwnItem.APP_PASSWORDS, OwnItem.ACTIVITY]
        ),
        "root@example.org changed the domain pandle.net; "
        "Kept from owners: → app passwords, what others changed",
    ),
    case(
        domains.switch_domain,
        lambda w: domains.switch_domain(w.by, w.domain, on=False),
        "root@example.org switched off the domain pandle.net",
    ),
    case(
        domains.switch_domain,
        lambda w: domains.switch_domain(w.by, w.domain, on=True),
        "root@example.org switched on the domain pandle.net",
        before=lambda w: domains.switch_domain(w.by, w.domain, on=False),
    ),
    case(
        domains.remove_domain,
        lambda w: domains.remove_domain(w.by, w.domain),
        "root@example.org removed the domain pandle.net",
    ),
    case(
        domains.restore_domain,
        lambda w: domains.restore_domain(w.by, w.domain),
        "root@example.org restored the domain pandle.net",
        before=lambda w: domains.remove_domain(w.by, w.domain),
    ),
    case(
        renaming.rename_domain,
        lambda w: renaming.rename_domain(w.by, w.domain, DomainName("new.example"), keep=True),
        "root@example.org renamed the domain pandle.net; Name: pandle.net → new.example",
    ),
    case(
        renaming.rename_address,
        lambda w: renaming.rename_address(w.by, w.box, LocalPart("bob"), keep=True),
        "root@example.org renamed the mailbox ada@pandle.net; Name: ada → bob",
        "root@example.org changed the alias info@pandle.net; "
        "Delivers to: ada@pandle.net → bob@pandle.net",
        before=lambda w: aliases.change_alias(
            w.by, w.alias, destinations=[MailAddress("ada@pandle.net")]
        ),
    ),
    case(
        renaming.rename_address,
        lambda w: renaming.rename_address(w.by, w.alias, LocalPart("news"), keep=False),
        "root@example.org renamed the alias info@pandle.net; Name: info → news",
    ),
    case(
        change_limits,
        lambda w: change_limits(
            w.by,
            w.domain,
            mailboxes=20,
            aliases=0,
            destinations=5,
            pool=10 << 30,
            largest_quota=2 << 30,
            default_quota=500 << 20,
        ),
        "root@example.org changed the limits of pandle.net; Mailboxes: no limit → 20; "
        "Aliases: no limit → 0; Destinations of one alias: no limit → 5; "
        "Storage of all mailboxes: no limit → 10 GB; "
        "Largest quota of a mailbox: no limit → 2 GB; Quota of a new mailbox: no limit → 500 MB",
    ),
    case(
        change_limits,
        lambda w: change_limits(w.by, w.domain, mailboxes=20),
        "root@example.org changed the limits of pandle.net; "
        "Destinations of one alias: 5 → no limit; Storage of all mailboxes: 10 GB → no limit",
        before=lambda w: change_limits(w.by, w.domain, mailboxes=20, destinations=5, pool=10 << 30),
    ),
    case(
        names.add_alias_domain,
        lambda w: names.add_alias_domain(w.by, w.domain, DomainName("third.example")),
        "root@example.org added the alias domain third.example; Of the domain: → pandle.net",
    ),
    case(
        names.remove_alias_domain,
        lambda w: names.remove_alias_domain(w.by, w.alias_domain),
        "root@example.org removed the alias domain second.example",
    ),
    case(
        names.restore_alias_domain,
        lambda w: names.restore_alias_domain(w.by, w.alias_domain),
        "root@example.org restored the alias domain second.example",
        before=lambda w: (
            names.remove_alias_domain(w.by, w.alias_domain),
            Claim.objects.filter(pk=w.alias_domain.pk).update(claims=False),
        ),
    ),
    case(
        leaving.serve_elsewhere,
        lambda w: leaving.serve_elsewhere(w.by, w.domain),
        "root@example.org ended that the removed domain pandle.net refuses mail; "
        "Refuses mail for: pandle.net, second.example →",
        before=World.remove_domain,
    ),
    case(
        leaving.serve_elsewhere,
        lambda w: leaving.serve_elsewhere(w.by, w.alias_domain),
        "root@example.org ended that the removed alias domain second.example refuses mail",
        before=lambda w: names.remove_alias_domain(w.by, w.alias_domain),
    ),
    case(
        leaving.end_due,
        lambda w: w.end_due(),
        "system ended that the removed domain pandle.net refuses mail; "
        "Refuses mail for: pandle.net, second.example →",
        "system ended that the removed domain pandle.net refuses mail; "
        "Refuses mail that waits in the queue: yes → no",
        before=World.remove_domain,
    ),
    case(
        domains.change_domain,
        lambda w: domains.change_domain(w.by, w.domain, subdomains=True),
        "root@example.org changed the domain pandle.net; Mail to all sub-domains: no → yes",
        "root@example.org changed the domain shop.pandle.net; Refuses mail for: → shop.pandle.net",
        before=lambda w: w.remove_shop(),
    ),
    case(
        departed.set_responder,
        lambda w: departed.set_responder(
            w.by, w.domain, subject="Gone", text="Ask Bob.", target=A, days=7
        ),
        "root@example.org set what pandle.net answers for people who left; Subject: → Gone; "
        "Text: → Ask Bob.; Mail goes on to: → a@side.test; Days between two answers: → 7",
    ),
    case(
        departed.set_responder,
        lambda w: departed.set_responder(
            w.by, w.domain, subject="Gone", text="Ask Eve.", target=A, days=7
        ),
        "root@example.org changed what pandle.net answers for people who left; "
        "Text: Ask Bob. → Ask Eve.",
        before=lambda w: departed.set_responder(
            w.by, w.domain, subject="Gone", text="Ask Bob.", target=A, days=7
        ),
    ),
    case(
        departed.remove_responder,
        lambda w: departed.remove_responder(w.by, w.domain),
        "root@example.org ended what pandle.net answers for people who left",
        before=lambda w: departed.set_responder(
            w.by, w.domain, subject="Gone", text="Ask Bob.", target=A, days=7
        ),
    ),
]
