"""The rows that a command line names."""

from __future__ import annotations

from qmailpanel.commands.plesk import Misuse
from qmailpanel.domains.models import Address, Domain
from qmailpanel.qmail.names import DomainName, LocalPart


def find_domain(text: str) -> Domain:
    name = DomainName(text)
    domain = Domain.objects.claiming().filter(name=name, removed=False).first()
    if domain is None:
        raise Misuse(f"Domain '{name}' does not exist.")
    return domain


def split_address(text: str) -> tuple[str, Domain]:
    """What stands left of the @, unparsed, and the domain right of it."""
    local, at, domain = text.rpartition("@")
    if not at:
        raise Misuse("Write the whole address, as biliards@pandle.net.")
    return local, find_domain(domain)


def find_address(text: str) -> Address:
    local, domain = split_address(text)
    address = domain.addresses.filter(local=LocalPart(local), removed=False).first()
    if address is None:
        raise Misuse(f"Mailname '{text}' does not exist.")
    return address
