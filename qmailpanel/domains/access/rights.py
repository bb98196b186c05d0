"""What a person may do with a domain, and the checks inside the transaction of each service."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils.text import get_text_list
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from qmailpanel.accounts.models import User
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor, Refused


class Right(models.TextChoices):
    """One switch of a grant; the label goes on after “may”."""

    PASSWORDS = "passwords", _("reset passwords")
    SWITCHING = "switching", _("switch addresses off and on")
    ADDRESSES = "addresses", _("create, change, rename and remove mailboxes and aliases")
    FORWARDING = "forwarding", _("deliver to addresses outside")
    UNKNOWN = "unknown", _("change the description and what happens to unknown recipients")
    QUOTAS = "quotas", _("set quotas")
    NAMES = "names", _("remove alias domains and ask for new ones")
    GRANTING = "granting", _("let others look after the domain")


Rights = frozenset[Right]
ALL: Rights = frozenset(Right)
NONE: Rights = frozenset()


class Preset(models.TextChoices):
    """A set of rights with a name."""

    FULL = "full", _("Full: everything but the operator's limits")
    MAILBOXES = "mailboxes", _("Mailboxes: mailboxes, aliases and passwords")
    HELP_DESK = "help desk", _("Help desk: see, reset passwords, switch off and on")

    @property
    def rights(self) -> Rights:
        return PRESETS[self]


HELPING = frozenset({Right.PASSWORDS, Right.SWITCHING})
PRESETS = {
    Preset.FULL: ALL,
    Preset.MAILBOXES: HELPING | {Right.ADDRESSES},
    Preset.HELP_DESK: HELPING,
}


def preset_of(rights: Iterable[Right]) -> Preset | None:
    """The preset that is just these rights."""
    given = frozenset(rights)
    return next((preset for preset in Preset if preset.rights == given), None)


class NotAllowed(Refused):
    """The person lacks a right."""


def refuse_missing(rights: Iterable[Right], held: Rights, domain: Domain) -> None:
    """Who has only the rights that are `held` in the domain lacks none of these."""
    missing = set(rights) - held
    if missing:
        raise NotAllowed(
            gettext_noop(
                "You may not %(what)s in %(domain)s. "
                "Ask the operator of this host, or somebody who may grant it."
            ),
            what=in_words(missing),
            domain=domain.name,
        )


def rights_of(user: User, domain: Domain) -> Rights:
    """What the person may do with the domain now."""
    if not user.is_active:
        return NONE
    if user.is_operator:
        return ALL
    grant = Grant.objects.filter(user=user, domain=domain).first()
    return read_rights(grant.rights) if grant else NONE


def shown_rights(user: User, domain: Domain) -> Rights:
    """What a page shows: of a domain that came with them the rights it came with."""
    held = getattr(domain, "held", None)
    return rights_of(user, domain) if held is None else read_rights(held)


def may(user: User, domain: Domain) -> dict[str, bool]:
    """What templates ask: `may.addresses` and the like are there where the person has the right."""
    return dict.fromkeys(in_order(shown_rights(user, domain)), True)


def read_rights(values: Iterable[str]) -> Rights:
    """The rights that a row or a form names; what is none of them is left out."""
    return frozenset(Right(value) for value in values if value in Right.values)


def in_order(rights: Iterable[Right]) -> list[str]:
    """As a row holds them."""
    given = set(rights)
    return [right.value for right in Right if right in given]


def in_words(rights: Iterable[Right]) -> str:
    """What these rights allow: “reset passwords and deliver to addresses outside”."""
    words = [str(Right(value).label) for value in in_order(rights)]
    return str(get_text_list(words, gettext("and")))


def find_person(actor: Actor, domain: Domain | None = None) -> User | None:
    """Who acts; None for the command line and the system. Raises NotAllowed if that one left.

    `held`: the rights of the person's grant in the domain.
    """
    if actor.is_trusted:
        return None
    people = User.objects.filter(pk=actor.user_id or 0, is_active=True)
    grants = Grant.objects.filter(user=OuterRef("pk"), domain=domain)
    person = people.annotate(held=Subquery(grants.values("rights")[:1])).first()
    if person is None:
        raise NotAllowed(gettext_noop("You no longer have an account here."))
    return person


def held_rights(person: User) -> Rights:
    """Of a person that came with `held`."""
    return ALL if person.is_operator else read_rights(getattr(person, "held", None) or [])
