"""What somebody may let others do, in many domains at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Self

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.access.rights import (
    ALL,
    NONE,
    NotAllowed,
    Right,
    Rights,
    find_person,
    in_words,
    read_rights,
    refuse_missing,
)
from qmailpanel.domains.changes import refuse_removed
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Change, Noun, Verb

MOST = 30  # mails of one kind that a person sends others in an hour


class Granting:
    """What a person may grant, read once; without a person, everything everywhere."""

    def __init__(self, person: User | None) -> None:
        self.is_free = person is None or person.is_operator
        self.person = person
        grants = Grant.objects.none() if self.is_free else Grant.objects.filter(user=person)
        held = grants.values_list("domain", "rights")
        self._held = {domain: read_rights(rights) for domain, rights in held}

    @classmethod
    def by(cls, actor: Actor) -> Self:
        """Of whoever acts. Raises NotAllowed if that one left."""
        return cls(find_person(actor))

    def rights(self, domain: Domain) -> Rights:
        """What the person has in the domain, and so may grant; nothing without that right."""
        held = ALL if self.is_free else self._held.get(domain.pk, NONE)
        return held if Right.GRANTING in held else NONE

    def is_over(self, grant: Grant) -> bool:
        """Whether the person may change it and take it away."""
        return read_rights(grant.rights) <= self.rights(grant.domain)

    def everywhere(self) -> Rights:
        """What may be granted in some domain or other."""
        held = self._held.values()
        granting = [rights for rights in held if Right.GRANTING in rights]
        return ALL if self.is_free else NONE.union(*granting)

    @property
    def domains(self) -> set[int]:
        """Where that is, by number; of somebody free nothing is read."""
        return {domain for domain, rights in self._held.items() if Right.GRANTING in rights}

    def require(self, rights: Rights, domain: Domain) -> None:
        """Nobody grants, changes or takes more than they have."""
        held = ALL if self.is_free else self._held.get(domain.pk, NONE)
        refuse_missing([Right.GRANTING], held, domain)
        beyond = rights - held
        if beyond:
            raise NotAllowed(
                _("You cannot grant what you may not do yourself in %(domain)s: %(what)s."),
                "rights",
                domain=domain.name,
                what=in_words(beyond),
            )

    def refuse_own(self, user: User) -> None:
        if self.person == user:
            raise NotAllowed(_("Nobody changes their own rights. Ask somebody else who may."))

    def over(self, domains: Iterable[Domain], rights: Rights) -> list[Domain]:
        """These domains as they are now, in order of their names: each may be given the rights."""
        keys = {domain.pk for domain in domains}
        found = list(Domain.objects.filter(**{f"pk{AMONG}": keys}).order_by("name"))
        refuse_no_domain(found)
        for domain in found:
            self.require(rights, domain)
            refuse_removed(domain)
        return found


def refuse_flood(actor: Actor, verb: Verb, noun: Noun, refused: Refused) -> None:
    """Each moment of it is a mail that somebody else gets, about however many domains."""
    since = timezone.now() - timedelta(hours=1)
    done = Change.objects.filter(actor=actor.user_id, verb=verb, noun=noun, at__gt=since)
    others = done.exclude(target=F("actor_name"))
    if actor.user_id is not None and others.values("at").distinct().count() >= MOST:
        raise refused


def refuse_off(user: User) -> None:
    if not user.is_active:
        raise Refused(_("%(email)s is switched off. Switch on first."), "email", email=str(user))


def refuse_none(rights: Rights) -> Rights:
    """A grant allows something; to see is part of every one."""
    if not rights:
        raise Refused(_("Choose at least one right."), "rights")
    return rights


def refuse_no_domain(domains: Iterable[object]) -> None:
    if not list(domains):
        raise Refused(_("Choose at least one domain."), "domains")


def refuse_holders(email: str, domains: Iterable[Domain]) -> None:
    """Raises Refused where somebody looks after one of them already."""
    keys = {domain.pk for domain in domains}
    theirs = Grant.objects.filter(user__email__iexact=email, **{f"domain__pk{AMONG}": keys})
    names = list(theirs.order_by("domain__name").values_list("domain__name", flat=True))
    if names:
        raise Refused(
            _("%(email)s looks after %(domains)s already. Change the rights instead."),
            "domains",
            email=email,
            domains=", ".join(names),
        )
