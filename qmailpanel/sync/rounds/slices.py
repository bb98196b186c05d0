"""A large domain in slices, so that a look at all of it keeps nobody waiting."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count

from qmailpanel.domains.models import Address, Domain
from qmailpanel.ledger.services import held_after
from qmailpanel.qmail.formats.logins import shard_of
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.pause import Round
from qmailpanel.sync.parts import part_of
from qmailpanel.sync.reconcile import Reconciler

LARGE = 2_000  # addresses that a domain has before it is looked at in slices
SLICE = 250  # local parts


def find_large() -> set[int]:
    """The domains that are looked at in slices."""
    counted = Address.objects.values("domain").annotate(number=Count("pk"))
    large = counted.filter(number__gt=LARGE, domain__removed=False)
    return set(large.values_list("domain", flat=True))


def is_amiss_anywhere(reconciler: Reconciler, domain: int) -> Round[bool]:
    """The same as `Reconciler.is_amiss`, with a pause behind each slice.

    While changes wait for the operator, a domain is looked at as a whole: so then once.
    """
    slices = find_slices(reconciler.host, domain) if held_after() is None else None
    if slices is None:
        return reconciler.is_amiss([domain])
    for locals_ in slices:
        yield
        given = part_of(domain, locals_)
        if reconciler.is_amiss([] if given else [domain], given=given):
            return True
    return False


def find_slices(host: Host, domain: int) -> Sequence[frozenset[str]] | None:
    """All local parts of which a domain has a row, or the host has something.

    Those of one login file are in the same slice, or the next one. None where the name of a file
    is no text.
    """
    [name] = Domain.objects.filter(pk=domain).values_list("name", flat=True)
    rows = Address.objects.filter(domain=domain).values_list("local", flat=True)
    found = {*rows} | host.find_locals(name)
    if not all(map(_is_unicode, found)):
        return None
    ordered = sorted(found, key=lambda local: (shard_of(local), local))
    return [frozenset(ordered[at : at + SLICE]) for at in range(0, len(ordered), SLICE)]


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
