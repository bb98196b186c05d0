"""Aliases: addresses without a Maildir, seen through a proxy of their own."""

from qmailpanel.domains.models import Address


class Alias(Address):
    """An address that delivers to its destinations."""

    class Meta:
        proxy = True
