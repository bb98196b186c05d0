"""What people do with mailboxes."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.guard import guard_sign_in
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import amend, log, one_line, stamp
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import ledger_locked
from qmailpanel.qmail.names import InvalidName, LocalPart
from qmailpanel.qmail.secrets.imported import parse_hash
from qmailpanel.qmail.secrets.passwords import hash_password

from . import quotas
from .models import Mailbox, PasswordLink
from .owners import end_sessions

NO_PANEL = _("The mailbox does not open this panel, so its owner could not choose another one.")
SHOWN = 5  # pointers a sentence can carry


def add_mailbox(
    actor: Actor,
    domain: Domain,
    local: LocalPart,
    *,
    password: str = "",
    stored: str = "",
    comment: str = "",
    quota: int | None = None,
) -> Address:
    """A new mailbox. Without a password nobody can open it; `quota`: bytes, 0 for no limit.

    None is the domain's default, which nobody needs a right for. `stored`: a hash that was made
    elsewhere, instead of a password.
    """
    hashed = _read(stored) if stored else _hashed(password) if password else ""
    with ledger_locked():
        address = addresses.add_address(
            actor, domain, local, Kind.MAILBOX, comment=one_line(comment, "comment")
        )
        mailbox = Mailbox.objects.create(address=address, password=hashed)
        mailbox.quota = quotas.of_new(actor, domain, quota)
        if mailbox.quota:
            mailbox.save(update_fields=["quota"])
    return address


def set_password(
    actor: Actor,
    address: Address,
    *,
    password: str = "",
    stored: str = "",
    must_change: bool = False,
) -> Address:
    """Another password; the ledger says that it was set, and not to what.

    `stored`: a hash that was made elsewhere, instead of a password. `must_change`: it opens the
    panel alone, until the owner chose one there. App passwords go: who made them may be who shall
    no longer come in.
    """
    hashed = _read(stored) if stored else _hashed(password)
    with ledger_locked():
        addresses.editable(actor, address, Right.PASSWORDS)
        guard_sign_in(actor, address.domain, address.local)
        mailbox = Mailbox.objects.select_related("owner").get(address=address)
        if must_change and not mailbox.panel:
            raise Refused(NO_PANEL, "must_change")
        mailbox.password, mailbox.must_change = hashed, must_change
        mailbox.save(update_fields=["password", "must_change"])
        PasswordLink.objects.filter(mailbox=mailbox).delete()
        mailbox.app_passwords.all().delete()
        end_sessions(mailbox)
        after = {"must_change": True} if must_change else {}
        stamp(log(actor, Verb.PASSWORD, address, before={}, after=after), address)
    return address


def mailbox_of(address: Address) -> Mailbox:
    """What an address with a Maildir has beyond the address."""
    return Mailbox.objects.get(address=address)


def has_password(address: Address) -> bool:
    """Whether anybody can open the mailbox."""
    return Mailbox.objects.filter(address=address).exclude(password="").exists()


def _hashed(password: str) -> str:
    """Hashing is slow by design: it happens before the ledger is locked."""
    return _parsed(hash_password, password)


def _read(stored: str) -> str:
    return _parsed(parse_hash, stored)


def _parsed(parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text)
    except InvalidName as error:
        raise Refused(error.template, "password", **error.params) from error


@ledger_locked()
def change_mailbox(
    actor: Actor, address: Address, *, comment: str | None = None, refusal: str | None = None
) -> Address:
    """Another comment, or another text while it is switched off; None leaves either alone."""
    addresses.editable(actor, address, Right.ADDRESSES)
    wanted = {"comment": comment, "refusal": refusal}
    given = {name: one_line(text, name) for name, text in wanted.items() if text is not None}
    amend(actor, Verb.CHANGED, address, **given)
    return address


@ledger_locked()
def change_quota(
    actor: Actor, address: Address, *, quota: int | None = None, messages: int | None = None
) -> Address:
    """Another limit in bytes or in messages: 0 for none, None leaves it as it is.

    One below what is used refuses new mail only.
    """
    addresses.editable(actor, address, Right.QUOTAS)
    mailbox = Mailbox.objects.get(address=address)
    before, after = quotas.change_limits(address.domain, mailbox, quota=quota, messages=messages)
    if after:
        stamp(log(actor, Verb.CHANGED, address, before=before, after=after), address)
    return address


@ledger_locked()
def switch_mailbox(actor: Actor, address: Address, *, on: bool) -> Address:
    """Off: mail to it is refused with its text; the mail in it is kept."""
    addresses.switch_address(actor, address, on=on)
    return address


@ledger_locked()
def hold_mailbox(actor: Actor, address: Address, *, on_hold: bool) -> Address:
    """On hold, mail to it waits at the mail server, which gives up after some days."""
    addresses.editable(actor, address, Right.SWITCHING)
    mailbox = mailbox_of(address)
    if not address.enabled and on_hold:
        raise Refused(_("%(address)s is switched off. Switch it on first."), address=str(address))
    if mailbox.on_hold != on_hold:
        before, mailbox.on_hold = mailbox.on_hold, on_hold
        mailbox.save(update_fields=["on_hold"])
        sides = {"before": {"on_hold": before}, "after": {"on_hold": on_hold}}
        stamp(log(actor, Verb.CHANGED, address, **sides), address)
    return address
