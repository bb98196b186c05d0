"""Which domain mail to a name belongs to: one answer for all who ask where mail goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qmailpanel.domains.models import Claim, Domain


class Ours:
    """Our domains by the names of mail to them. Each name is read once.

    It is the domain that claims the name, else the nearest above it that accepts sub-domains.
    See qmail-send(8).
    """

    def __init__(self) -> None:
        self._claims: dict[str, Claim | None] = {}

    def read(self, names: Iterable[str], *, removed: bool = False) -> dict[str, Domain]:
        """By each of these names that is ours; `removed`: or was and may come back."""
        wanted = set(names)
        self._read_claims(wanted.union(*map(parents_of, wanted)))
        domains = {name: self._find_domain(name, removed) for name in wanted}
        return {name: domain for name, domain in domains.items() if domain}

    def _read_claims(self, names: set[str]) -> None:
        unread = names - self._claims.keys()
        if unread:
            self._claims |= dict.fromkeys(unread)
            claims = Claim.objects.filter(name__in=unread, claims=True)
            for claim in claims.select_related("domain__responder"):
                self._claims[claim.name] = claim

    def is_refused(self, name: str) -> bool:
        """Whether mail to a name that `read` was asked for goes back, because it was removed."""
        claim = self.find_claim(name)
        return claim is not None and not _is_there(claim)

    def _find_domain(self, name: str, removed: bool) -> Domain | None:
        claim = self.find_claim(name, removed=removed)
        return claim.domain if claim and (removed or _is_there(claim)) else None

    def find_claim(self, name: str, *, removed: bool = False) -> Claim | None:
        """Which claim decides about mail to a name that `read` was asked for.

        While a removed name refuses, its mail does not fall to what is above it.
        """
        own = self._claims[name]
        if own and not (removed or _is_there(own) or own.refuses):
            own = None  # nothing is left of it
        above = (self._claims[parent] for parent in parents_of(name))
        catching = (claim for claim in above if claim and claim.domain.subdomains)
        deciding = (c for c in ([own] if own else catching) if removed or _is_there(c) or c.refuses)
        return next(deciding, None)


def _is_there(claim: Claim) -> bool:
    return not (claim.removed or claim.domain.removed)


def parents_of(name: str) -> Iterator[str]:
    """The names above it, nearest first, that a domain can have."""
    labels = name.split(".")
    return (".".join(labels[start:]) for start in range(1, len(labels) - 1))
