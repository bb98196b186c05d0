"""How much there may be in a domain: set by the operator, held inside each service."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import deed
from qmailpanel.domains.access.models import Limits
from qmailpanel.domains.models import Domain, Kind
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.ledger.models import Noun, Verb

EXPECTED = ("postmaster", "abuse")  # addresses that every domain answers to. See RFC 2142.
FIELDS = ("mailboxes", "aliases", "destinations", "pool", "largest_quota", "default_quota")
NAMES = {Kind.MAILBOX: "mailboxes", Kind.ALIAS: "aliases"}
TITLES = {Kind.MAILBOX: gettext_lazy("Mailboxes"), Kind.ALIAS: gettext_lazy("Aliases")}
FULL = {
    Kind.MAILBOX: _(
        "Mailboxes of %(domain)s: %(used)d of %(limit)d in use. "
        "An operator can raise the limit in its settings."
    ),
    Kind.ALIAS: _(
        "Aliases of %(domain)s: %(used)d of %(limit)d in use. "
        "An operator can raise the limit in its settings."
    ),
}
KEPT = _(
    "The old address would be one alias more: of %(limit)d in %(domain)s %(used)d are in use. "
    "Do not keep it, or have an operator raise the limit in the domain's settings."
)


@dataclass(frozen=True)
class Room:
    """How many there are of how many that may be; without a limit both are None."""

    used: int | None
    limit: int | None

    @property
    def is_full(self) -> bool:
        return self.used is not None and self.limit is not None and self.used >= self.limit

    @property
    def is_over(self) -> bool:
        """More than there may be: the limit was lowered since."""
        return self.is_full and self.used != self.limit


def limits_of(domain: Domain) -> Limits:
    """Those of the domain, or a blank row."""
    try:
        return domain.limits
    except Limits.DoesNotExist:
        return Limits(domain=domain)


def room_of(domain: Domain, kind: Kind) -> Room:
    """Asks the database only where there is a limit."""
    limit = getattr(limits_of(domain), NAMES[kind])
    return Room(count(domain, kind) if limit is not None else None, limit)


def count(domain: Domain, kind: Kind) -> int:
    """Addresses of that kind; the two that every domain must have do not count."""
    rows = domain.addresses.filter(kind=kind, removed=False)
    if kind == Kind.ALIAS:
        return rows.exclude(local__in=EXPECTED).count()
    expected = rows.filter(local__in=EXPECTED).values("kind").values(n=Count("pk"))
    number = Count("*") - Coalesce(Subquery(expected), 0)
    return domain.mailboxes.filter(removed_at=None).aggregate(n=number)["n"] or 0


def storage_of(domain: Domain) -> Room:
    """Bytes of all quotas, of as many as they may be; asks only where there is a limit."""
    limit = limits_of(domain).pool
    return Room(given(domain) if limit is not None else None, limit)


def given(domain: Domain) -> int:
    """Bytes of all quotas of the domain."""
    rows = domain.mailboxes.filter(removed_at=None)
    return rows.aggregate(bytes=Sum("quota"))["bytes"] or 0


def refuse_full(
    domain: Domain, kind: Kind, local: str, *, says: str = "", field: str = "local"
) -> None:
    """One more address of that kind, or Refused; `says` that in other words."""
    limit = getattr(limits_of(domain), NAMES[kind])
    if limit is None or local in EXPECTED:
        return
    used = count(domain, kind)
    if used >= limit:
        raise Refused(says or FULL[kind], field, domain=domain.name, used=used, limit=limit)


def refuse_many(domain: Domain, destinations: int) -> None:
    """That many destinations for one alias, or Refused."""
    limit = limits_of(domain).destinations
    if limit is not None and destinations > limit:
        raise Refused(
            _(
                "Addresses that an alias of %(domain)s may deliver to: at most %(limit)d. "
                "An operator can raise the limit in its settings."
            ),
            "destinations",
            domain=domain.name,
            limit=limit,
        )


def change_limits(
    actor: Actor,
    domain: Domain,
    *,
    mailboxes: int | None = None,
    aliases: int | None = None,
    destinations: int | None = None,
    pool: int | None = None,
    largest_quota: int | None = None,
    default_quota: int | None = None,
) -> Limits:
    """These limits, None for no limit.

    One below what there is removes nothing; it only keeps more from coming. Those of sizes fit
    into each other: a new mailbox into the largest, and that into the storage of all.
    """
    given = (mailboxes, aliases, destinations, pool, largest_quota, default_quota)
    _refuse_contradiction(pool, largest_quota, default_quota)
    with deed(actor, domain, by_operator=True) as act:
        limits = limits_of(domain)
        act.change(limits, Verb.CHANGED, Noun.LIMITS, **dict(zip(FIELDS, given, strict=True)))
    return limits


def _refuse_contradiction(pool: int | None, largest: int | None, default: int | None) -> None:
    if largest is not None and default is not None and default > largest:
        raise Refused(
            _("A new mailbox cannot have more than the largest quota of a mailbox."),
            "default_quota",
        )
    if pool is None:
        return
    for size, field in ((largest, "largest_quota"), (default, "default_quota")):
        if size is not None and size > pool:
            raise Refused(_("That is more than the storage of all mailboxes."), field)
