"""How much a mailbox may hold, within the limits of its domain. The callers hold the lock."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.limits import given
from qmailpanel.domains.access.rights import Right, require
from qmailpanel.domains.models import Domain, Limits
from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.qmail.sizes import write_size

from .models import Mailbox


def of_new(actor: Actor, domain: Domain, quota: int | None) -> int:
    """The quota of a new mailbox: the one asked for, else the domain's default."""
    limits = Limits.objects.filter(domain=domain).first() or Limits(domain=domain)
    default = limits.default_quota or limits.largest_quota or 0
    wanted = default if quota is None else quota
    if wanted != default:
        require(actor, domain, Right.QUOTAS)
    refuse(domain, wanted)
    return wanted


def change_limits(
    domain: Domain, mailbox: Mailbox, *, quota: int | None, messages: int | None
) -> tuple[dict[str, int], dict[str, int]]:
    """Set what differs; what it was and what it is. Raises Refused as `refuse` does."""
    wanted = {"quota": quota, "messages": messages}
    present = {name: getattr(mailbox, name) for name in wanted}
    after = {name: n for name, n in wanted.items() if n is not None and n != present[name]}
    if "quota" in after:
        refuse(domain, after["quota"], besides=mailbox)
    for name, limit in after.items():
        setattr(mailbox, name, limit)
    mailbox.save(update_fields=list(after))
    return {name: present[name] for name in after}, after


def refuse(domain: Domain, quota: int, *, besides: Mailbox | None = None) -> None:
    """Raises Refused for a quota that the domain has no room for; 0 is no limit."""
    limits = Limits.objects.filter(domain=domain).first()
    if limits is None:
        return
    most = limits.largest_quota
    if most is not None and not 0 < quota <= most:
        raise Refused(
            _(
                "A mailbox of %(domain)s may hold %(most)s. "
                "The operator of this host can raise the limit."
            ),
            "quota",
            domain=domain.name,
            most=write_size(most),
        )
    refuse_pool(domain, quota, besides=besides)


def refuse_pool(domain: Domain, quota: int, *, besides: Mailbox | None = None) -> None:
    """Raises Refused where all quotas together would be more than the domain's storage."""
    limits = Limits.objects.filter(domain=domain).first()
    if limits is None or limits.pool is None:
        return
    own = besides.quota if besides and not besides.address.removed else 0
    used = given(domain) - own
    if not 0 < quota <= limits.pool - used:
        raise Refused(
            _(
                "The mailboxes of %(domain)s may hold %(pool)s together, and %(left)s of that is "
                "left. The operator of this host can raise the limit."
            ),
            "quota",
            domain=domain.name,
            pool=write_size(limits.pool),
            left=write_size(max(limits.pool - used, 0)),
        )
