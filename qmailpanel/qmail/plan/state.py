"""What is wanted, what was applied and what is there: the three sides of the plan, as plain data.

A domain is one `Section` of lines in each shared file plus a directory of dot-qmail files and
homes below the mail root. Paths are relative to the mail root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from qmailpanel.qmail.formats.logins import LoginFilesFound, Logins
from qmailpanel.qmail.formats.maildir import Limits
from qmailpanel.qmail.formats.shared_files import HOSTS, LineFile, Part, Shared
from qmailpanel.qmail.plan.drift import Decision, Side, Subject, as_text

_LEFT = ".left-"


@dataclass(frozen=True, slots=True)
class Home:
    """A mailbox on disk: `mailbox` names its archive, `dot_qmail` is the content of its .qmail.

    `storage` and `messages`: the limits in its maildirsize, in bytes and in number; 0 for none.
    """

    mailbox: int
    dot_qmail: bytes
    storage: int = 0
    messages: int = 0

    @property
    def limits(self) -> Limits:
        return self.storage, self.messages


@dataclass(frozen=True, slots=True)
class Section:
    """Everything of one domain: lines by key for each shared file, files and homes by path.

    `logins`: the names that have login files. What is in those is secret, so it is not remembered.
    `part`: it is about these addresses and the frame of the domain alone; None: about all.
    """

    prepend: int
    lines: Mapping[Shared, Mapping[bytes, bytes]]
    files: Mapping[str, bytes]
    homes: Mapping[str, Home]
    logins: tuple[str, ...] = ()
    part: Part | None = None


def lines_of(section: Section, shared: Shared) -> Mapping[bytes, bytes]:
    """The lines that are the domain's in that file: of a list in two files, those of both."""
    if shared not in HOSTS:
        return section.lines.get(shared, {})
    return {key: line for each in HOSTS for key, line in section.lines.get(each, {}).items()}


def archive_path(mailbox: int) -> str:
    """Where the home of a removed mailbox is, below the mail root and not below any address."""
    return f".archive/{mailbox}"


def left_path(prepend: int) -> str:
    """Where what is left of a removed domain refuses; no domain is called so."""
    return f"{_LEFT}{prepend}"


def is_left_path(name: str) -> bool:
    """Whether `left_path` made it."""
    return name.startswith(_LEFT)


def left_range() -> tuple[str, str]:
    """All that `left_path` makes stands from the first up to the second, in the order of bytes."""
    return _LEFT, f"{_LEFT[:-1]}{chr(ord(_LEFT[-1]) + 1)}"


def prepend_left(left: str) -> int:
    """Of what `left_path` made."""
    return int(left.removeprefix(_LEFT))


def empty_section(prepend: int) -> Section:
    """A domain that is not on the host."""
    return Section(prepend, {}, {}, {})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something is not as wanted: `text` for everybody, `cause` for operators.

    `address` or `name`, an alias domain, is what it concerns; with neither, the whole domain.
    """

    text: str
    cause: str = ""
    address: int | None = None
    name: str = ""

    @property
    def is_of_domain(self) -> bool:
        return self.address is None and not self.name


@dataclass(frozen=True, slots=True)
class Wanted:
    """One domain as the database wants it, at change number `change`.

    `owners`: whose a line key or path is (an address number). `needs`: the home a line key
    delivers to. `archive`: homes whose removal was asked for. `purge`: mailboxes whose archived
    mail is to be destroyed; they never come back. `nameless`: other removed mailboxes, whose homes
    are archived wherever they stand. `known`: local parts that have a
    row, so that dropping their assignments was asked for; None stands for all of them.
    `decisions`: what a person decided about drift. `held`: the section is what was last applied,
    because what the database wants waits for the operator. `former`: other names of the domain;
    it may have been applied under one of them. `logins`: None leaves them as they are.
    `gave_up`: the name that it had, where a newer domain has it now. `known_as`: further names
    under which its number may be known.
    """

    domain: int
    name: str
    change: int
    section: Section
    owners: Mapping[bytes | str, int] = field(default_factory=dict)
    needs: Mapping[bytes, str] = field(default_factory=dict)
    archive: Mapping[str, int] = field(default_factory=dict)
    purge: frozenset[int] = frozenset()
    nameless: frozenset[int] = frozenset()
    known: frozenset[str] | None = frozenset()
    problems: tuple[Problem, ...] = ()
    decisions: tuple[Decision, ...] = ()
    held: bool = False
    former: tuple[str, ...] = ()
    logins: Logins | None = None
    gave_up: str = ""
    known_as: tuple[str, ...] = ()

    @property
    def part(self) -> Part | None:
        """What of the domain it is about; see `Section`."""
        return self.section.part

    @property
    def homes(self) -> dict[str, int]:
        """The number of each home that it shall have, or archive."""
        homes = {path: home.mailbox for path, home in self.section.homes.items()}
        return homes | dict(self.archive)

    @property
    def directory(self) -> str:
        """What its homes are below, or were."""
        return self.gave_up or self.name

    def side(self, subject: Subject, actual: bytes | str) -> Side | None:
        """Whose version shall stand where this stands now, if somebody decided."""
        this = (subject, as_text(actual))
        return next((d.side for d in self.decisions if (d.subject, d.actual) == this), None)

    def keeps(self, owned: bytes | str) -> bool:
        """Whether a line key or path is of a row that cannot be rendered: what is live stays."""
        owner = self.owners.get(owned)
        if owner is None or self.known is None:
            return False
        return any(problem.address == owner for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Bad:
    """Something stands where a file or directory of ours should be, and is not touched."""

    reason: str


@dataclass(frozen=True, slots=True)
class HomeFound:
    """A home as it is: its .qmail (None: missing), and whether the rest is as it should be.

    `mailbox`: whose it is by its own mark; None where it has none.
    `is_readable`: whether the mail user can read the .qmail.
    `limits`: those in its maildirsize; looked at where one is wanted or was applied, else none.
    None: the file is none that deliverquota would understand.
    """

    dot_qmail: bytes | Bad | None
    whole: bool
    limits: Limits | None = (0, 0)
    is_readable: bool = True
    mailbox: int | None = None

    def may_be_of(self, mailbox: int) -> bool:
        return self.mailbox in (mailbox, None)


@dataclass(frozen=True, slots=True)
class Tree:
    """The part of a domain's directory that is wanted or was applied. Missing things are absent.

    `directory`: whether it is there as it should be; `empty`: it is there with nothing in it.
    `unreadable`: those of its files that the mail user cannot read.
    `strange`: the dot-qmail files that neither are wanted nor were applied.
    `archived`: the mailboxes that shall be destroyed and of which something is in the archive.
    """

    directory: Bad | bool = False
    empty: bool = False
    files: Mapping[str, bytes | Bad] = field(default_factory=dict)
    homes: Mapping[str, HomeFound | Bad] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()
    archived: frozenset[int] = frozenset()
    strange: Mapping[str, bytes | Bad] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Actual:
    """The host as observed: all of the shared files, and the rest for the domains in question.

    `maps`: what each cdb answers for the keys asked about; None where it is missing or unreadable.
    `hup_owed`: qmail-send has not been seen to read virtualdomains since it was written. `logins`:
    the login files of each name that has any. `owners`: of wanted
    prepends, the domain that had each last. `opened`: of each domain that was never applied, the
    names whose login files open something in its directory, whoever they were for.
    """

    shared: Mapping[Shared, LineFile]
    trees: Mapping[str, Tree]
    maps: Mapping[Shared, Mapping[bytes, bytes | None] | None]
    locals: frozenset[bytes] = frozenset()
    hup_owed: bool = False
    logins: Mapping[str, LoginFilesFound] = field(default_factory=dict)
    owners: Mapping[int, str] = field(default_factory=dict)
    opened: Mapping[str, Set[str]] = field(default_factory=dict)


Applied = Mapping[str, Sequence[Section]]
