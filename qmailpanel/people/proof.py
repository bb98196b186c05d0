"""Whether DNS says that a name is somebody's: a TXT record with a token of ours below it."""

from __future__ import annotations

import dns.exception
import dns.resolver
from django.conf import settings
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Refused
from qmailpanel.web.outside import talking_outside

LABEL = "_qmailpanel"
SECONDS = 3.0


def record_name(name: str) -> str:
    """Where the record stands; below the name, where none of the domain's own records is."""
    return f"{LABEL}.{name}"


def record_text(token: str) -> str:
    """The record's text for a token."""
    return f"qmailpanel={token}"


def find_proof(name: str, token: str) -> bool:
    """Whether the record is there. Raises Refused: DNS gives no answer."""
    try:
        with talking_outside():
            answer = _resolver().resolve(record_name(name), "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return False
    except dns.exception.DNSException as error:
        raise Refused(_("DNS gives no answer now. Try again in a minute.")) from error
    texts = (b"".join(record.strings).decode("utf-8", "replace") for record in answer)
    return record_text(token) in texts


def _resolver() -> dns.resolver.Resolver:
    server = settings.QMAILPANEL_RESOLVER
    if not server:
        return dns.resolver.Resolver()
    host, _colon, port = server.rpartition(":")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = [host.strip("[]")], int(port)
    return resolver
