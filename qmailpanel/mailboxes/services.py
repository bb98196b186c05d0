"""What people do with mailboxes."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import deed
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.addresses import services as addresses
from qmailpanel.domains.changes import one_line
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.ledger.actors import Actor, Refused, parsed
from qmailpanel.ledger.models import Verb
from qmailpanel.qmail.names import LocalPart
from qmailpanel.qmail.secrets.imported import parse_hash
from qmailpanel.qmail.secrets.passwords import hash_password

from . import quotas
from .models import Mailbox, PasswordLink
from .owners import end_sessions

NO_PANEL = _("The mailbox does not open this panel, so its owner could not choose another one.")


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
    hashed = _read_hash(password, stored) if password or stored else ""
    with deed(actor, domain, Right.ADDRESSES) as act:
        line = one_line(comment, "comment")
        address = addresses.add_address(act, local, Kind.MAILBOX, comment=line)
        size = quotas.of_new(act, quota)
        Mailbox.objects.create(address=address, domain=domain, password=hashed, quota=size)
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
    hashed = _read_hash(password, stored)
    with deed(actor, address, Right.PASSWORDS) as act:
        act.guard.address(address.local)
        mailbox = address.mailbox
        if must_change and not mailbox.panel:
            raise Refused(NO_PANEL, "must_change")
        mailbox.password, mailbox.must_change = hashed, must_change
        mailbox.save(update_fields=["password", "must_change"])
        PasswordLink.objects.filter(mailbox=mailbox).delete()
        mailbox.app_passwords.all().delete()
        end_sessions(mailbox)
        act.record(Verb.PASSWORD, after={"must_change": True} if must_change else {})
    return address


def mailbox_of(address: Address) -> Mailbox:
    """What an address with a Maildir has beyond the address."""
    return Mailbox.objects.get(address=address)


def has_password(address: Address) -> bool:
    """Whether anybody can open the mailbox."""
    return Mailbox.objects.filter(address=address).exclude(password="").exists()


def _read_hash(password: str, stored: str) -> str:
    """Hashing is slow by design: it happens before the ledger is locked."""
    parse, text = (parse_hash, stored) if stored else (hash_password, password)
    return parsed(parse, text, "password")


def change_mailbox(
    actor: Actor, address: Address, *, comment: str | None = None, refusal: str | None = None
) -> Address:
    """Another comment, or another text while it is switched off; None leaves either alone."""
    wanted = {"comment": comment, "refusal": refusal}
    with deed(actor, address, Right.ADDRESSES) as act:
        given = {name: one_line(text, name) for name, text in wanted.items() if text is not None}
        act.change(address, **given)
    return address


def change_quota(
    actor: Actor, address: Address, *, quota: int | None = None, messages: int | None = None
) -> Address:
    """Another limit in bytes or in messages: 0 for none, None leaves it as it is.

    One below what is used refuses new mail only.
    """
    wanted = {"quota": quota, "messages": messages}
    with deed(actor, address, Right.QUOTAS) as act:
        act.guard.address(address.local)
        mailbox = address.mailbox
        if quota not in (None, mailbox.quota):
            quotas.refuse(act.domain, quota, besides=mailbox)
        act.change(mailbox, **{name: n for name, n in wanted.items() if n is not None})
    return address


def switch_mailbox(actor: Actor, address: Address, *, on: bool) -> Address:
    """Off: mail to it is refused with its text; the mail in it is kept."""
    addresses.switch_address(actor, address, on=on)
    return address


def hold_mailbox(actor: Actor, address: Address, *, on_hold: bool) -> Address:
    """On hold, mail to it waits at the mail server, which gives up after some days."""
    with deed(actor, address, Right.SWITCHING) as act:
        act.guard.address(address.local)
        if not address.enabled and on_hold:
            raise Refused(
                _("%(address)s is switched off. Switch it on first."), address=str(address)
            )
        act.change(address.mailbox, on_hold=on_hold)
    return address
