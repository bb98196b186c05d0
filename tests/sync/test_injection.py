"""Texts in the database that no form let in: the sync service trusts none of them."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from qmailpanel.domains.models import Address, Claim, Destination, Domain
from qmailpanel.domains.names.services import add_alias_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Noun, Verb
from qmailpanel.ledger.services import record
from qmailpanel.mailboxes.models import AutoReply
from qmailpanel.qmail import names
from qmailpanel.reports.statuses import Status, Statuses
from tests.kit.panels import Panel

HOSTILE = [
    "a\n=100-root:root:0:0:/root:::",
    "a\rb",
    "a\x00b",
    "a:popuser:110:31:/:::",
    "|/bin/sh",
    "a/b",
    "..",
    "../../etc",
    "&x@y.test",
    "-owner",
    "a b",
    "a'b",
    "é",
    "x" * 65,
    ".",
    "",
]


def read_all(panel: Panel) -> bytes:
    """Every file that qmail reads."""
    shared = [panel.home / name for name in ("users/assign", "control/rcpthosts")]
    shared += [panel.home / "control/virtualdomains"]
    below = [path for path in panel.below("").rglob(".qmail*") if path.is_file()]
    return b"".join(path.read_bytes() for path in [*shared, *below])


def touch(domain: Domain, address: Address | None = None) -> None:
    """A change, as every service writes one."""
    with transaction.atomic():
        change = record(SYSTEM, Verb.CHANGED, Noun.DOMAIN, domain.name, domain=domain.pk)
    Domain.objects.filter(pk=domain.pk).update(change=change)
    if address is not None:
        Address.objects.filter(pk=address.pk).update(change=change)


@pytest.fixture
def domain(panel: Panel) -> Domain:
    """pandle.net with ann and an alias live."""
    found = panel.add_domain()
    panel.add_mailbox(found, "ann")
    panel.add_alias(found, "info", "one@side.test", "two@side.test")
    panel.sync()
    return found


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("local", ["ann", "info"])
def test_a_hostile_local_part_is_never_written_and_said_at_its_address(
    panel, domain, local, text
) -> None:
    address = domain.addresses.get(local=local)
    Address.objects.filter(pk=address.pk).update(local=text)
    touch(domain, address)
    panel.sync()
    content = read_all(panel)
    assert b"root:0:0" not in content
    assert not text or len(text) < 3 or text.encode() not in content
    assert panel.status(address) is Status.FAILED
    assert panel.answer("=100-postmaster") is None
    assert panel.below("pandle.net/.qmail-postmaster").exists()


@pytest.mark.parametrize("text", [*HOSTILE, "a@b@c", "x@", "@x.test", "a@x.test\n|/bin/sh"])
def test_a_hostile_destination_leaves_what_is_live_and_is_said_at_its_alias(
    panel, domain, text
) -> None:
    alias = domain.addresses.get(local="info")
    Destination.objects.filter(address=alias, target="one@side.test").update(target=text)
    touch(domain, alias)
    panel.sync()
    live = panel.below("pandle.net/.qmail-info").read_bytes()
    assert live == b"&one@side.test\n&two@side.test\n"
    assert b"/bin/sh" not in read_all(panel)
    assert panel.status(alias) is Status.FAILED
    assert panel.status(domain.addresses.get(local="ann")) is Status.LIVE


@pytest.mark.parametrize("text", ["a\n|/bin/sh", "a\rb", "a\x00b", "x" * 201])
def test_a_hostile_refusal_is_never_written(panel, domain, text) -> None:
    ann = domain.addresses.get(local="ann")
    Address.objects.filter(pk=ann.pk).update(enabled=False, refusal=text)
    touch(domain, ann)
    panel.sync()
    assert b"|/bin/sh" not in read_all(panel)
    assert panel.below("pandle.net/ann/.qmail").read_bytes() == b"./Maildir/\n"
    assert panel.answer("=100-ann") is not None
    assert panel.status(ann) is Status.FAILED


@pytest.mark.parametrize("text", ["'; rm -rf / #", "$(id)", "`id`", "a'b", "Grüße"])
def test_a_refusal_with_signs_of_the_shell_is_one_word_to_it(panel, domain, text) -> None:
    ann = domain.addresses.get(local="ann")
    Address.objects.filter(pk=ann.pk).update(enabled=False, refusal=text)
    touch(domain, ann)
    panel.sync()
    line = panel.below("pandle.net/ann/.qmail").read_bytes()
    quoted = "'" + text.replace("'", "'\\''") + "'"
    assert line.endswith(f"bouncesaying {quoted}\n".encode())
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(
    "text", ["evil\n.test", "a:7", "..", "/etc", "pandle.net:7", "é.test", "a b.c"]
)
def test_a_hostile_domain_name_is_never_written_and_stops_no_other(panel, domain, text) -> None:
    other = panel.add_domain("other.test")
    Domain.objects.filter(pk=other.pk).update(name=text)
    Claim.objects.filter(domain=other).update(name=text)
    touch(other)
    ben = panel.add_mailbox(domain, "ben")
    panel.sync()
    assert panel.lines("control/rcpthosts") in (
        ["old.test", "pandle.net"],
        ["old.test", "pandle.net", "xn--9ca.test"],
    )
    assert panel.status(ben) is Status.LIVE


BAD_NAMES = ["evil\n.test", "a:7", "..", "/etc", "*", "a b.c", ".test"]


@pytest.mark.parametrize("text", BAD_NAMES)
def test_a_hostile_alias_domain_is_never_written_and_its_domain_served(panel, domain, text) -> None:
    add_alias_domain(SYSTEM, domain, names.DomainName("alias.test"))
    Claim.objects.filter(name="alias.test").update(name=text)
    ben = panel.add_mailbox(domain, "ben")
    panel.sync()
    assert panel.lines("control/rcpthosts") == ["old.test", "pandle.net"]
    assert panel.lines("control/virtualdomains") == ["old.test:7", "pandle.net:100"]
    assert panel.answer("=100-ben") is not None
    assert panel.status(ben) is Status.LIVE


@pytest.mark.parametrize("text", BAD_NAMES)
def test_a_hostile_alias_domain_alone_fails_and_the_rest_of_its_domain_changes(
    panel, domain, text
) -> None:
    bad = add_alias_domain(SYSTEM, domain, names.DomainName("alias.test"))
    panel.sync()
    Claim.objects.filter(pk=bad.pk).update(name=text)
    good = add_alias_domain(SYSTEM, domain, names.DomainName("good.test"))
    Domain.objects.filter(pk=domain.pk).update(unknown="discard")
    touch(domain)
    panel.sync()
    assert sorted(panel.lines("control/rcpthosts")) == ["good.test", "old.test", "pandle.net"]
    assert panel.lines("control/virtualdomains")[1:] == ["good.test:100", "pandle.net:100"]
    assert panel.below("pandle.net/.qmail-default").read_bytes() == b"#\n"
    bad.refresh_from_db()
    statuses = Statuses([domain.pk])
    assert statuses.of_name(bad) is Status.FAILED
    assert statuses.of_name(good) is Status.LIVE
    assert panel.status_of_domain(domain) is Status.LIVE


@pytest.mark.parametrize("field", ["unknown_text", "unknown_target"])
@pytest.mark.parametrize("text", ["a\n|/bin/sh", "|/bin/sh\x00", "a@x.test\n&b@y.test"])
def test_hostile_unknown_recipients_are_never_written(panel, domain, field, text) -> None:
    kind = "bounce" if field == "unknown_text" else "forward"
    Domain.objects.filter(pk=domain.pk).update(unknown=kind, **{field: text})
    touch(domain)
    panel.sync()
    default = panel.below("pandle.net/.qmail-default").read_bytes()
    assert default.count(b"\n") == 1
    assert b"/bin/sh" not in default
    assert panel.status_of_domain(domain) is Status.FAILED
    assert panel.answer("=100-ann") is not None


@pytest.mark.parametrize("number", ["5000:x", "*:storage=1B\nroot:{PLAIN}x:0:0", b"\xff", -1, 1.5])
def test_a_limit_that_is_no_number_never_becomes_a_login(panel, domain, settings, number) -> None:
    settings.QMAILPANEL_DOVECOT_QUOTA_RULE = "on"
    ann = domain.addresses.get(local="ann")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        update = "UPDATE mailboxes_mailbox SET quota = %s WHERE address_id = %s"
        cursor.execute(update, [number, ann.pk])
    ben = panel.add_mailbox(domain, "ben")
    panel.sync()
    logins = (panel.home / "logins/pandle.net.passwd").read_bytes()
    assert b"root" not in logins
    assert b"quota" not in logins
    assert panel.status(ann) is Status.FAILED
    assert panel.status(ben) is Status.LIVE
    assert panel.answer("=100-ann") is not None


def test_an_alias_that_cannot_be_written_leaves_the_auto_reply_of_its_mailbox(
    panel, domain, settings
) -> None:
    inject = panel.home / "bin/qmail-inject"
    inject.parent.mkdir(exist_ok=True)
    inject.touch()
    settings.QMAILPANEL_MAILBOT = "/bin/true"
    ann = domain.addresses.get(local="ann")
    panel.add_alias(domain, "also", "ann@pandle.net")
    AutoReply.objects.create(mailbox=ann.mailbox, subject="Away", text="Away.", running=True)
    Address.objects.filter(local="also").update(local="a b")
    touch(domain, ann)
    panel.sync()
    assert panel.status(ann) is Status.LIVE
    assert b"#own ann@pandle.net\n" in panel.below("pandle.net/ann/.qmail").read_bytes()
