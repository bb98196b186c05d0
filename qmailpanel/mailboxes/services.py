"""What people do with mailboxes."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_noop as _

from qmailpanel.domains import addresses
from qmailpanel.domains.guard import guard_sign_in
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.domains.rights import Right
from qmailpanel.domains.routes import pointers_to, refuse_way_back
from qmailpanel.domains.rows import amend, log, one_line, reread, stamp
from qmailpanel.ledger.models import Verb
from qmailpanel.ledger.services import Actor, Refused, ledger_locked
from qmailpanel.qmail.names import InvalidName, LocalPart
from qmailpanel.qmail.passwd import hash_password

from . import quotas
from .models import Mailbox
from .owners import end_sessions

SHOWN = 5  # pointers a sentence can carry


class StillPointedTo(Refused):
    """Others deliver to the mailbox that shall go; `pointers` names them."""

    def __init__(self, address: Address, pointers: Sequence[str]) -> None:
        super().__init__(
            _(
                "These deliver to %(address)s: %(pointers)s. When it is removed, "
                "mail to those that deliver nowhere else bounces; they are not changed."
            ),
            address=str(address),
            pointers=", ".join([*pointers[:SHOWN], *(["…"] if len(pointers) > SHOWN else [])]),
        )
        self.pointers = list(pointers)


def add_mailbox(
    actor: Actor,
    domain: Domain,
    local: LocalPart,
    *,
    password: str = "",
    comment: str = "",
    quota: int | None = None,
) -> Address:
    """A new mailbox. Without a password nobody can open it; `quota`: bytes, 0 for no limit.

    None is the domain's default, which nobody needs a right for.
    """
    hashed = _hashed(password) if password else ""
    with ledger_locked():
        address = addresses.add_address(
            actor, domain, local, Kind.MAILBOX, comment=one_line(comment, "comment")
        )
        mailbox = Mailbox.objects.create(address=address, password=hashed)
        mailbox.quota = quotas.of_new(actor, domain, quota)
        if mailbox.quota:
            mailbox.save(update_fields=["quota"])
    return address


def set_password(actor: Actor, address: Address, *, password: str) -> Address:
    """Another password; the ledger says that it was set, and not to what."""
    hashed = _hashed(password)
    with ledger_locked():
        addresses.editable(actor, address, Right.PASSWORDS)
        guard_sign_in(actor, address.domain, address.local)
        mailbox = Mailbox.objects.select_related("owner").get(address=address)
        mailbox.password = hashed
        mailbox.save(update_fields=["password"])
        end_sessions(mailbox)
        stamp(log(actor, Verb.PASSWORD, address, before={}, after={}), address)
    return address


def mailbox_of(address: Address) -> Mailbox:
    """What an address with a Maildir has beyond the address."""
    return Mailbox.objects.get(address=address)


def has_password(address: Address) -> bool:
    """Whether anybody can open the mailbox."""
    return Mailbox.objects.filter(address=address).exclude(password="").exists()


def _hashed(password: str) -> str:
    """Hashing is slow by design: it happens before the ledger is locked."""
    try:
        return hash_password(password)
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
def change_quota(actor: Actor, address: Address, *, quota: int) -> Address:
    """Another limit in bytes, 0 for none. One below what is used refuses new mail only."""
    addresses.editable(actor, address, Right.QUOTAS)
    mailbox = Mailbox.objects.get(address=address)
    if mailbox.quota == quota:
        return address
    quotas.refuse(address.domain, quota, besides=mailbox)
    before, mailbox.quota = mailbox.quota, quota
    mailbox.save(update_fields=["quota"])
    sides = {"before": {"quota": before}, "after": {"quota": quota}}
    stamp(log(actor, Verb.CHANGED, address, **sides), address)
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


@ledger_locked()
def remove_mailbox(actor: Actor, address: Address, *, despite_pointers: bool = False) -> Address:
    """Stop delivery and archive the mail; asks first where others deliver to it."""
    reread(address)
    pointers = [] if address.removed or despite_pointers else pointers_to(address, actor)
    if pointers:
        raise StillPointedTo(address, pointers)
    addresses.remove_address(actor, address)
    end_sessions(mailbox_of(address))
    return address


@ledger_locked()
def restore_mailbox(actor: Actor, address: Address) -> Address:
    """Undo a removal, unless what it forwards leads back to it by now; else as it was."""
    reread(address)
    mailbox = Mailbox.objects.get(address=address)
    if address.removed:
        refuse_way_back(str(address), [one.target for one in address.destinations.all()])
        quotas.refuse_pool(address.domain, mailbox.quota, besides=mailbox)
    addresses.restore_address(actor, address)
    return address
