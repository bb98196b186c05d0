"""A mail host in memory: the same observe and apply as the real one, and qmail's routing.

The properties of the plan are checked here over random worlds; that the real host does the same
is checked in test_host.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from qmailpanel.qmail.formats import assign, control, dotqmail
from qmailpanel.qmail.formats.logins import LoginFiles, LoginFormat
from qmailpanel.qmail.formats.maildir import Limits
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import LineFile, Part, Shared
from qmailpanel.qmail.formats.whose_lines import take_apart
from qmailpanel.qmail.layout.domain import render_domain
from qmailpanel.qmail.layout.leaving import render_left
from qmailpanel.qmail.layout.rows import DomainRows, Layout
from qmailpanel.qmail.names import MailUser
from qmailpanel.qmail.plan.order import Plan, make_plan
from qmailpanel.qmail.plan.parts import FRAME, cut, is_in, local_of_key, local_of_path
from qmailpanel.qmail.plan.renamed import move_path, move_section
from qmailpanel.qmail.plan.state import Actual, Applied, HomeFound, Section, Tree, Wanted, lines_of
from qmailpanel.qmail.plan.steps import (
    ArchiveHome,
    Compile,
    FlushTree,
    LetDeliveriesEnd,
    LetLoginsBeSeen,
    LimitHome,
    MakeDirectory,
    Move,
    PlaceHome,
    PurgeHome,
    RemoveDirectory,
    RemoveFile,
    RemoveLogins,
    Step,
    TellSend,
    WriteFile,
    WriteLogins,
    WriteShared,
)

T = TypeVar("T")

OUTSIDE = ("side.test", "elsewhere.test", "x.test")  # served by others; all else is ours
LEFT = "lost: sent to the outside"
LAYOUT = Layout("/var/qmail", "/var/qmail/mailnames", MailUser("popuser", 110, 31))


@dataclass
class World:
    """A qmail home, a mail root, a running qmail-send, and what sync remembers."""

    shared: dict[Shared, bytes | None] = field(
        default_factory=lambda: {
            **dict.fromkeys(Shared),
            Shared.ASSIGN: b".\n",
            Shared.RCPT: b"",
        }
    )
    compiled: bytes = b".\n"
    lists: dict[Shared, bytes] = field(default_factory=dict)  # as compiled
    loaded: bytes = b""  # virtualdomains as qmail-send read it last
    hup_owed: bool = False
    directories: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    homes: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # -1: without a mark
    archive: dict[int, bytes] = field(default_factory=dict)
    memory: dict[str, tuple[Section, ...]] = field(default_factory=dict)
    limits: dict[str, Limits] = field(default_factory=dict)  # of homes, by path
    unreadable: set[str] = field(default_factory=set)  # dot-qmail files of another owner
    logins: dict[str, LoginFiles] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # old directory → where it is now

    def copy(self) -> World:
        return World(
            dict(self.shared),
            self.compiled,
            dict(self.lists),
            self.loaded,
            self.hup_owed,
            set(self.directories),
            dict(self.files),
            dict(self.homes),
            dict(self.archive),
            dict(self.memory),
            dict(self.limits),
            set(self.unreadable),
            dict(self.logins),
            dict(self.links),
        )

    def facts(self) -> object:
        """Everything but the memory, to compare two worlds by."""
        parts = {shared: sorted((text or b"").splitlines()) for shared, text in self.shared.items()}
        tree = (self.directories, self.files, self.homes, self.archive)
        compiled = (self.compiled, *(text for _, text in sorted(self.lists.items()) if text))
        maps = [sorted(text.splitlines()) for text in compiled]
        return parts, maps, sorted(self.loaded.splitlines()), tree, self.logins

    # what the real host does

    def observe(self, wanted: Sequence[Wanted], applied: Applied) -> Actual:
        shared = {which: self._take_apart(which, wanted) for which in Shared}
        return Actual(
            shared=shared,
            trees={one.name: self._tree(one, applied.get(one.name, ())) for one in wanted},
            maps={which: self._ask(which, shared[which], wanted, applied) for which in MAPS},
            hup_owed=self.hup_owed,
            logins=self.logins,
        )

    def _ask(
        self, which: Shared, file: LineFile, wanted: Sequence[Wanted], applied: Applied
    ) -> dict[bytes, bytes | None] | None:
        if which is not Shared.ASSIGN and which not in self.lists:
            return None
        keys = {
            key
            for one in wanted
            for section in (one.section, *applied.get(one.name, ()))
            for key in section.lines.get(which, ())
        }
        if which is Shared.ASSIGN:
            records, _ = assign.cut(self.compiled)
            found = {assign.line_key(r): assign.pair(r)[1] for r in reversed(records)}
        else:
            found = dict.fromkeys(self._listed(which), b"")
            keys |= file.foreign.keys.keys()
        for one in wanted:
            keys |= file.section(one.name, one.part).keys()
        return {key: found.get(key) for key in keys}

    def _listed(self, which: Shared) -> list[bytes]:
        return [entry.lower() for _, entry in control.entries(self.lists.get(which, b""))]

    def _take_apart(self, which: Shared, wanted: Sequence[Wanted]) -> LineFile:
        pairs = [(name, s) for name, sections in self.memory.items() for s in sections]
        pairs += [(one.name, one.section) for one in wanted]
        ours = {line: name for name, s in pairs for line in lines_of(s, which).values()}
        return take_apart(which, self.shared[which], ours, {name: s.prepend for name, s in pairs})

    def _tree(self, one: Wanted, applied: Sequence[Section]) -> Tree:
        name, below = one.name, f"{one.name}/"
        files = {path: text for path, text in self.files.items() if path.startswith(below)}
        homes = {
            path: HomeFound(
                text,
                whole=True,
                mailbox=None if number < 0 else number,
                limits=self.limits.get(path, (0, 0)),
                is_readable=f"{path}/.qmail" not in self.unreadable,
            )
            for path, (number, text) in self.homes.items()
            if path.startswith(below)
        }
        is_there = name in self.directories
        archived = one.purge & self.archive.keys()
        is_empty = is_there and not files and not homes and one.part is None
        files = {path: text for path, text in files.items() if is_in(local_of_path(path), one.part)}
        homes = {path: home for path, home in homes.items() if is_in(local_of_path(path), one.part)}
        unreadable = frozenset(self.unreadable & files.keys())
        known = {path for section in (one.section, *applied) for path in section.files}
        strange = {path: text for path, text in files.items() if path not in known}
        return Tree(is_there, is_empty, files, homes, unreadable, archived, strange)

    def apply(self, step: Step) -> None:  # noqa: C901, PLR0912  # one case a step
        match step:
            case WriteShared(shared, before, content):
                assert self.shared[shared] == before
                self.shared[shared] = content
                self.hup_owed |= shared is Shared.VIRTUAL
            case Compile(Shared.ASSIGN):
                self.compiled = self.shared[Shared.ASSIGN] or b""
                assign.cut(self.compiled)
            case Compile(shared):
                text = self.shared[shared]
                assert text is not None, "qmail-newmrh cannot work without its file"
                self.lists[shared] = text
            case TellSend():
                self.loaded = self.shared[Shared.VIRTUAL] or b""
                self.hup_owed = False
            case MakeDirectory(path):
                self.directories.add(path)
            case LimitHome(path, limits):
                assert path in self.homes
                self.limits[path] = limits
            case PlaceHome(path, mailbox, dot_qmail, limits):
                assert path.split("/")[0] in self.directories
                self.limits[path] = limits
                old = self.archive.pop(mailbox, b"")
                self.homes[path] = (mailbox, old if dot_qmail is None else dot_qmail)
            case WriteFile(path, before, content):
                self._write(path, before, content)
            case RemoveFile(path, before):
                assert self.files[path] == before
                del self.files[path]
            case ArchiveHome(path, mailbox):
                assert mailbox not in self.archive
                number, self.archive[mailbox] = self.homes.pop(path)
                assert number == mailbox
            case PurgeHome(mailbox):
                del self.archive[mailbox]
            case RemoveDirectory(path):
                if not self._below(path):
                    self.directories.discard(path)
            case WriteLogins(_, name, files, gone):
                files = {**self.logins.get(name, {}), **files}
                self.logins[name] = {p: text for p, text in files.items() if p not in gone}
            case RemoveLogins(_, name):
                del self.logins[name]
            case LetLoginsBeSeen() | FlushTree() | LetDeliveriesEnd():
                pass

    def _write(self, path: str, before: bytes | None, content: bytes) -> None:
        self.unreadable.discard(path)
        home, _, name = path.rpartition("/")
        if name == ".qmail":
            number, there = self.homes[home]
            assert there == before
            self.homes[home] = (number, content)
            return
        assert self.files.get(path) == before
        assert home in self.directories
        self.files[path] = content

    def _below(self, path: str) -> list[str]:
        return [name for name in (*self.files, *self.homes) if name.startswith(f"{path}/")]

    def rename(self, old: str, new: str) -> None:
        """What is done for a domain that has another name, before anything is planned."""
        move = Move(old, new)
        self.directories = {move_path(path, move) for path in self.directories}
        self.files = {move_path(path, move): text for path, text in self.files.items()}
        self.homes = {move_path(path, move): home for path, home in self.homes.items()}
        self.limits = {move_path(path, move): limits for path, limits in self.limits.items()}
        for name in [name for name in self.memory if name == old]:
            self.memory[new] = tuple(move_section(each, move) for each in self.memory.pop(name))
        self.links[old] = new

    # what Dovecot does with a login

    def lines(self, name: str) -> list[list[str]]:
        """The records of a name, field by field."""
        files = self.logins.get(name, {}).items()
        text = b"".join(text for path, text in files if path.endswith(LoginFormat.LINES))
        return [line.split(":") for line in text.decode().splitlines()]

    def opens(self) -> dict[str, str]:
        """For each key that lets somebody in: the home, below the mail root."""
        below = f"{LAYOUT.mail_root}/"
        return {
            key: home.removeprefix(below)
            for name in self.logins
            for key, password, _uid, _gid, _gecos, home, *_ in self.lines(name)
            if password != "!"
        }

    # what qmail does with a message

    def accepts(self, domain: str) -> bool:
        """See qmail-smtpd(8)."""
        hosts = self.shared[Shared.RCPT]
        assert hosts is not None, "without rcpthosts any relay is open"
        there = {entry for _, entry in control.entries(hosts)} | {*self._listed(Shared.MORE)}
        return any(name in there for name in _itself_and_above(domain))

    def knows(self, local: str, domain: str) -> bool:
        """What qmail-smtpd says to a recipient: with one patch, and with the combined one."""
        address, name = f"{local}@{domain}".encode(), f"@{domain}".encode()
        if Shared.VALID in self.lists:
            return not {address, name}.isdisjoint(self._listed(Shared.VALID))
        answers = {address: True, b"-" + address: False, name: True, b"-" + name: False}
        listed = self._listed(Shared.MORE_VALID)
        return next((answer for key, answer in answers.items() if key in listed), True)

    def reaches(self, local: str, domain: str) -> bool:
        """Whether mail to the address reaches somebody, over all that it is forwarded to."""
        return all(is_delivered(end) for end in self.ends(local, domain))

    def ends(self, local: str, domain: str, came: tuple[str, ...] = ()) -> Iterator[str]:
        """Where a message ends up, over any number of forwards."""
        here = f"{local.lower()}@{domain}"
        if domain in OUTSIDE:
            yield "outside"
        elif here in came:
            yield "lost: looping"
        else:
            outcome = self.route(local, domain)
            yield outcome
            for target in _targets(outcome):
                yield from self.ends(*target, (*came, here))

    def route(self, local: str, domain: str) -> str:
        """Where a message goes first: a mailbox, the text of a dot-qmail file, or `lost: …`."""
        name = self.local_name(local, domain)
        return LEFT if name is None else self.deliver(name)

    def local_name(self, local: str, domain: str) -> str | None:
        """What qmail-send calls the recipient from then on; None outside. See qmail-send(8)."""
        virtual = dict(
            entry.split(b":", 1) for _, entry in control.entries(self.loaded) if b":" in entry
        )
        names = _itself_and_above(domain)
        prepend = next((virtual[name] for name in names if name in virtual), None)
        return None if prepend is None else f"{prepend.decode()}-{local}"

    def deliver(self, name: str) -> str:
        """Where a message to a local name goes: the longest wildcard wins. See qmail-users(5)."""
        records, _ = assign.cut(self.compiled)
        lines = {assign.line_key(line): line for line in reversed(records)}
        name = name.lower()  # as qmail-lspawn and qmail-local fold it
        simple = lines.get(f"={name}".encode())
        if simple:
            return self._deliver(assign.parse(simple).home, "")
        for length in range(len(name), -1, -1):
            wildcard = lines.get(f"+{name[:length]}".encode())
            if wildcard:
                return self._deliver(assign.parse(wildcard).home, name[length:])
        return "lost: no assignment"

    def _deliver(self, home: str, ext: str) -> str:
        if not home.startswith(f"{LAYOUT.mail_root}/"):
            return f"lost: to somebody else in {home}"
        domain, slash, below = home.removeprefix(f"{LAYOUT.mail_root}/").partition("/")
        path = f"{self.links.get(domain, domain)}{slash}{below}"
        if not ext:
            return self._deliver_home(path)
        if path not in self.directories:
            return "lost: no directory"
        file = ext.replace(".", ":")
        begins = [file[: at + 1] for at in range(len(file) - 1, -1, -1) if file[at] == "-"]
        for name in (file, *(f"{begin}default" for begin in begins), "default"):
            text = self.files.get(f"{path}/.qmail-{name}")
            if text is not None:
                return self._deliver_below(path, text.decode())
        return "lost: no dot-qmail file"

    def _deliver_below(self, path: str, text: str) -> str:
        """By a file of the domain, which may lead into a home."""
        home = _MAILDIR.search(text)
        is_there = home is None or f"{path}/{home[1]}" in self.homes
        return text if is_there else "lost: no home"

    def _deliver_home(self, path: str) -> str:
        if path not in self.homes:
            return "lost: no home"
        number, dot_qmail = self.homes[path]
        return f"mailbox {number}: {dot_qmail.decode()}"


_MAILDIR = re.compile(r"\./([^/']+)/Maildir")


def _itself_and_above(domain: str) -> list[bytes]:
    """`a.b.test`, `.b.test`, `.test`: what qmail looks for, the longest first."""
    parts = domain.split(".")
    above = ["." + ".".join(parts[start:]) for start in range(1, len(parts))]
    return [name.encode() for name in (domain, *above)]


def _targets(outcome: str) -> Iterator[tuple[str, str]]:
    if outcome.startswith("lost"):
        return
    content = outcome.partition(": ")[2] if outcome.startswith("mailbox") else outcome
    for instruction in dotqmail.parse(content.encode()):
        if isinstance(instruction, dotqmail.Forward):
            local, _, domain = instruction.text.decode().rpartition("@")
            yield local, domain


def is_delivered(outcome: str) -> bool:
    """Whether mail reaches somebody: not lost, not refused."""
    return not outcome.startswith("lost") and "bouncesaying" not in outcome


def want(rows: Sequence[DomainRows], layout: Layout = LAYOUT) -> list[Wanted]:
    """The domains, then what is left of those that are removed."""
    left = [render_left(row, layout) for row in rows]
    return [*(render_domain(row, layout) for row in rows), *left]


def applied_to(world: World, wanted: Sequence[Wanted]) -> Applied:
    """What was applied of these domains, as far as they are wanted."""
    return {
        one.name: [cut(section, one.part) for section in world.memory.get(one.name, ())]
        for one in wanted
    }


def plan_for(world: World, wanted: Sequence[Wanted]) -> Plan:
    applied = applied_to(world, wanted)
    return make_plan(wanted, applied, world.observe(wanted, applied))


def begin(world: World, wanted: Sequence[Wanted]) -> Plan:
    """Plan, and note the intention, as the reconciler does before it applies."""
    plan = plan_for(world, wanted)
    for name, section in plan.after.items():
        known = world.memory.get(name, ())
        after = put_in(known[-1], section) if known else section
        if after not in known:
            world.memory[name] = (*known, after)
    return plan


def finish(world: World, wanted: Sequence[Wanted]) -> Plan:
    """Look again and note what was applied."""
    plan = plan_for(world, wanted)
    for name, section in plan.after.items():
        known = [put_in(each, section) for each in world.memory.get(name, ()) or (section,)]
        world.memory[name] = tuple(each for at, each in enumerate(known) if each not in known[:at])
    return plan


def put_in(section: Section, part: Section) -> Section:
    """A section with the addresses of a part of it as they are there."""
    if part.part is None:
        return part
    lines = {
        shared: {
            key: line
            for key, line in section.lines.get(shared, {}).items()
            if not is_in(local_of_key(shared, key), part.part)
        }
        | dict(part.lines.get(shared, {}))
        for shared in Shared
    }
    return Section(
        prepend=part.prepend,
        lines={shared: own for shared, own in lines.items() if own},
        files=_without(section.files, part.part) | dict(part.files),
        homes=_without(section.homes, part.part) | dict(part.homes),
        logins=part.logins,
    )


def _without(paths: Mapping[str, T], part: Part) -> dict[str, T]:
    return {path: it for path, it in paths.items() if not is_in(local_of_path(path), part)}


def cut_wanted(one: Wanted, part: Part | None) -> Wanted:
    """The same about a part of the domain alone; who may open its mailboxes is left as it is."""
    if part is None:
        return one

    def is_of_it(owned: bytes | str) -> bool:
        if isinstance(owned, str):
            return is_in(local_of_path(owned), part)
        shared = Shared.VALID if b"@" in owned else Shared.ASSIGN
        return is_in(local_of_key(shared, owned), part)

    return replace(
        one,
        section=cut(one.section, part),
        owners={owned: number for owned, number in one.owners.items() if is_of_it(owned)},
        needs={key: home for key, home in one.needs.items() if is_of_it(key)},
        archive={path: number for path, number in one.archive.items() if is_of_it(path)},
        known=None if one.known is None else one.known & {FRAME, *part},
        logins=None,
    )


def settle(world: World, wanted: Sequence[Wanted]) -> Plan:
    """A whole run. Returns the plan of the look afterwards: empty when all is true."""
    for step in begin(world, wanted).steps:
        world.apply(step)
    return finish(world, wanted)
