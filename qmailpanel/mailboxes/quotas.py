"""How much a mailbox may hold, within the limits of its domain. Parts of a deed."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from qmailpanel.domains.access.deed import Deed
from qmailpanel.domains.access.limits import given, limits_of
from qmailpanel.domains.access.rights import Right
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import Refused
from qmailpanel.qmail.sizes import write_size

from .models import Mailbox


def of_new(act: Deed, quota: int | None) -> int:
    """The quota of a new mailbox: the one asked for, else the domain's default."""
    default = default_of(act.domain)
    wanted = default if quota is None else quota
    if wanted != default:
        act.require(Right.QUOTAS)
    refuse(act.domain, wanted)
    return wanted


def default_of(domain: Domain) -> int:
    """The quota of a new mailbox for which nobody asks for another one."""
    limits = limits_of(domain)
    return limits.default_quota or limits.largest_quota or 0


def refuse(domain: Domain, quota: int, *, besides: Mailbox | None = None) -> None:
    """Raises Refused for a quota that the domain has no room for; 0 is no limit."""
    most = limits_of(domain).largest_quota
    if most is not None and not 0 < quota <= most:
        raise Refused(
            _(
                "A mailbox of %(domain)s may hold %(most)s. "
                "An operator can raise the limit in its settings."
            ),
            "quota",
            domain=domain.name,
            most=write_size(most),
        )
    refuse_pool(domain, quota, besides=besides)


def refuse_pool(domain: Domain, quota: int, *, besides: Mailbox | None = None) -> None:
    """Raises Refused where all quotas together would be more than the domain's storage."""
    pool = limits_of(domain).pool
    if pool is None:
        return
    own = besides.quota if besides and not besides.address.removed else 0
    used = given(domain) - own
    if not 0 < quota <= pool - used:
        raise Refused(
            _(
                "The mailboxes of %(domain)s may hold %(pool)s together, and %(left)s of that is "
                "left. An operator can raise the limit in its settings."
            ),
            "quota",
            domain=domain.name,
            pool=write_size(pool),
            left=write_size(max(pool - used, 0)),
        )
