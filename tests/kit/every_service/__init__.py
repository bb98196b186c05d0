"""A call of every service, and how the Activity page tells what it did."""

from .accounts import ACCOUNTS
from .aliases import ALIASES
from .console import CONSOLE
from .domains import DOMAINS
from .mailboxes import MAILBOXES
from .people import PEOPLE
from .world import Case

CASES: list[Case] = [*ACCOUNTS, *PEOPLE, *DOMAINS, *ALIASES, *MAILBOXES, *CONSOLE]
