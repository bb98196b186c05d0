"""A domain as the database has it: rows whose text is not trusted, and the host they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from qmailpanel.qmail.formats.reply import Programs
from qmailpanel.qmail.formats.shared_files import Part, Shared
from qmailpanel.qmail.names import MailUser


@dataclass(frozen=True, slots=True)
class Layout:
    """Where this host keeps mail and as whom.

    `nonexist`: control/rejectnonexist is kept too. `lists`: the lists of known recipients that
    this host's qmail-smtpd asks. `deliverquota` and `mailbot`: the programs that hold quotas and
    answer mail; neither is done without. `dovecot`: one lets people in by the login files.
    `ask_group`: whose programs ask the login maps without being root.
    """

    qmail_home: str
    mail_root: str
    mail_user: MailUser
    nonexist: bool = False
    lists: tuple[Shared, ...] = ()
    deliverquota: str = ""
    login_dir: str = ""
    dovecot: bool = False
    mailbot: str = ""
    ask_group: str = ""

    @property
    def preline(self) -> str:
        """See preline(1)."""
        return f"{self.qmail_home}/bin/preline"

    @property
    def bouncesaying(self) -> str:
        """See bouncesaying(1)."""
        return f"{self.qmail_home}/bin/bouncesaying"

    @property
    def logins(self) -> str:
        """The directory of the login files."""
        return self.login_dir or f"{self.qmail_home}/logins"

    @property
    def answering(self) -> Programs | None:
        """What an answer needs. See mailbot(1) and qmail-inject(8)."""
        inject = f"{self.qmail_home}/bin/qmail-inject"
        return Programs(self.mailbot, inject) if self.mailbot else None


@dataclass(frozen=True, slots=True)
class AppRow:
    """An app password as the database has it: text not trusted."""

    number: int
    password: str = field(repr=False)
    mark: str = field(repr=False)
    _: KW_ONLY
    imap: bool = True
    pop3: bool = True
    sending: bool = True


@dataclass(frozen=True, slots=True)
class LoginRow:
    """What opens a mailbox, as the database has it: text not trusted.

    `password`: a hash; empty for none. `must_change`: until it is another one nothing is opened.
    `storage` and `messages`: the limits to tell Dovecot; 0 for none. `rule`: 2.3 is told too.
    """

    password: str = field(default="", repr=False)
    _: KW_ONLY
    must_change: bool = False
    imap: bool = True
    pop3: bool = True
    sending: bool = True
    apps: tuple[AppRow, ...] = ()
    storage: int = 0
    messages: int = 0
    rule: bool = False


NO_LOGIN = LoginRow()


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """An answer as the database has it: text not trusted."""

    subject: str
    text: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxColumns:
    """What a mailbox row has in columns of these very names."""

    quota: int = 0
    messages: int = 0
    keeps: bool = True
    on_hold: bool = False

    @property
    def is_limited(self) -> bool:
        return bool(self.quota or self.messages)


@dataclass(frozen=True, slots=True)
class MailboxRow(MailboxColumns):
    """A mailbox as the database has it: text not trusted."""

    mailbox: int
    address: int
    local: str
    _: KW_ONLY
    enabled: bool = True
    refusal: str = ""
    removed: bool = False
    destinations: tuple[str, ...] = ()
    reply: ReplyRow | None = None
    login: LoginRow = NO_LOGIN


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias as the database has it: text not trusted."""

    address: int
    local: str
    destinations: tuple[str, ...]
    _: KW_ONLY
    enabled: bool = True
    removed: bool = False


@dataclass(frozen=True, slots=True)
class DepartedRow:
    """What is answered for people who left, as the database has it: text not trusted."""

    reply: ReplyRow
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRows:
    """A domain with its rows. `unknown`: bounce, refuse, discard, forward or mailbox.

    `alias_domains`: its further names. `refused`: names of it that were removed and go on refusing
    mail; `leaving`: so does its number. `subdomains`: mail to any name below them too. `more`: its
    names are in control/morercpthosts, because rcpthosts has as many as it shall. `former`: names
    it has or had besides its own. `departed`: what is answered for its removed mailboxes.
    `purged`: mailboxes whose mail shall be gone for good → address. `nameless`: other removed ones
    that gave up their names. `part`: of its addresses only these are here; None: all.
    """

    domain: int
    name: str
    prepend: int
    change: int
    enabled: bool = True
    unknown: str = "bounce"
    unknown_text: str = ""
    unknown_target: str = ""
    alias_domains: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    leaving: bool = False
    former: tuple[str, ...] = ()
    departed: DepartedRow | None = None
    subdomains: bool = False
    more: bool = False
    removed: bool = False
    mailboxes: Sequence[MailboxRow] = ()
    aliases: Sequence[AliasRow] = ()
    purged: Mapping[int, int] = field(default_factory=dict)
    nameless: frozenset[int] = frozenset()
    part: Part | None = None
