"""What the database has, read once for many questions."""

from __future__ import annotations

from qmailpanel.domains.models import Address, Claim, Domain
from qmailpanel.reports.statuses import Statuses


class Rows:
    def __init__(self) -> None:
        self.statuses = Statuses(Domain.objects.values_list("pk", flat=True))
        serving = Domain.objects.claiming().filter(removed=False)
        claims = Claim.objects.filter(claims=True, removed=False, domain__in=serving)
        self._domains = {claim.name: claim.domain for claim in claims.select_related("domain")}
        rows = Address.objects.claiming().filter(removed=False).select_related("mailbox")
        rows = rows.prefetch_related("destinations")
        self._addresses = {(row.domain_id, row.local): row for row in rows}

    def address(self, domain: Domain, local: str) -> Address | None:
        return self._addresses.get((domain.pk, local))

    def domain_of(self, name: str) -> Domain | None:
        """Which gets the mail of a name: its own, or that above it which takes sub-domains."""
        if name in self._domains:
            return self._domains[name]
        labels = name.split(".")
        names = (".".join(labels[start:]) for start in range(1, len(labels)))
        above = (self._domains[each] for each in names if each in self._domains)
        return next((domain for domain in above if domain.subdomains), None)
