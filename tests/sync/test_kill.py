"""SIGKILL at any moment: every file stays whole, and the next start finishes what was begun."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from qmailpanel.qmail.formats import assign, cdb
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.host.map_compiler import compile_map
from qmailpanel.qmail.layout.rows import AliasRow, DomainRows, LoginRow, MailboxRow
from qmailpanel.qmail.plan.ahead import as_found
from qmailpanel.qmail.plan.state import Wanted
from tests.kit.disk import make_home, make_true, open_home, want_on

KILLS = int(os.environ.get("TEST_KILLS") or 300)
PARTS = 2  # runs about some addresses before each one about all
LONGEST = 0.05  # seconds that a run may last before it is killed
NAMES = (("pandle.net", "pandle.com"), ("b.test", "bee.test"))  # each domain has two, by turns
FURTHER = "also."  # before the name of an alias domain
LISTS = (Shared.VALID, Shared.RECIPIENTS)
HASHES = ("", *(f"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b{n}" for n in "xy"))
BEHIND = ("", ".2")  # a name: it is another one then
LOCALS = ("ann", "bob", "info", "jane.roe", "x-y")
FOREIGN = {
    Shared.ASSIGN: (b"=7-joe:joe:7:7:/home/joe:::\n", b"+w-:alias:7:7:/w:-::note\n"),
    Shared.VIRTUAL: (b"# by hand\n", b"old.test:7\n"),
    Shared.RCPT: (b"old.test\n", b".wild.test  \n"),
    Shared.MORE: (b"# many\n", b"older.test\n"),
    Shared.VALID: (b"joe@old.test\n",),
}


def random_rows(chance: random.Random) -> list[DomainRows]:
    return [_random_domain(chance, number) for number in range(len(NAMES))]


def _random_domain(chance: random.Random, number: int) -> DomainRows:
    """A domain in any state; a mailbox keeps its number, so its mail stays whose it is."""
    name, former = chance.sample(NAMES[number], 2)
    kinds = {local: chance.choice("-mMRaAs") for local in LOCALS}
    others = {local: chance.choice(BEHIND) for local in LOCALS}
    aliases = [f"{FURTHER}{name}"] if chance.random() < 0.5 else []
    if chance.random() < 0.3:
        aliases.append(former)
    return DomainRows(
        domain=number + 1,
        name=name,
        prepend=100 + number,
        change=1,
        enabled=chance.random() < 0.8,
        unknown=chance.choice(["bounce", "discard", "refuse"]),
        alias_domains=tuple(aliases),
        former=(former, *aliases),
        subdomains=chance.random() < 0.2,
        more=chance.random() < 0.5,
        removed=chance.random() < 0.1,
        mailboxes=[
            MailboxRow(
                10 * number + at,
                at,
                local + others[local],
                enabled=kinds[local] != "M",
                removed=kinds[local] == "R",
                quota=chance.choice([0, 5000, 7000]),
                login=LoginRow(chance.choice(HASHES), pop3=chance.random() < 0.5),
            )
            for at, local in enumerate(LOCALS)
            if kinds[local] in "mMR"
        ],
        aliases=[
            AliasRow(at, local, _targets(name, kinds[local]), enabled=kinds[local] != "A")
            for at, local in enumerate(LOCALS)
            if kinds[local] in "aAs"
        ],
    )


def change_some(
    chance: random.Random, rows: list[DomainRows]
) -> tuple[list[DomainRows], list[DomainRows]]:
    """Other addresses in some of them: all rows then, and the parts that have what is new."""
    others = {row.domain: row for row in random_rows(chance)}
    pairs = [_mix(chance, row, others[row.domain]) for row in rows if not row.removed]
    mixed = {new.domain: new for new, _ in pairs}
    return [mixed.get(row.domain, row) for row in rows], [part for _, part in pairs]


def _mix(
    chance: random.Random, row: DomainRows, other: DomainRows
) -> tuple[DomainRows, DomainRows]:
    """With what the other one has of some local parts. An alias goes with the home it leads to."""
    some = {*chance.sample(LOCALS, 2), "ann"}
    some |= {alias.local for alias in (*row.aliases, *other.aliases) if len(alias.destinations) < 2}
    some = {local + behind for local in some for behind in BEHIND}
    news = [
        AliasRow(one.address, one.local, _targets(row.name, "s"), enabled=one.enabled)
        if len(one.destinations) < 2
        else one
        for one in other.aliases
        if one.local in some
    ]
    boxes = [one for one in other.mailboxes if one.local in some]
    kept = [one for one in row.mailboxes if one.local not in some]
    aliases = [one for one in row.aliases if one.local not in some]
    taken = {one.mailbox for one in kept}
    boxes = [one for one in boxes if one.mailbox not in taken]
    part = replace(row, mailboxes=boxes, aliases=news, part=frozenset(some))
    return replace(row, mailboxes=[*kept, *boxes], aliases=[*aliases, *news]), part


def _targets(name: str, kind: str) -> tuple[str, ...]:
    return (f"ann@{name}",) if kind == "s" else ("one@side.test", "two@side.test")


@pytest.mark.kill
def test_killed_at_any_moment_every_file_is_whole_and_the_next_start_converges(
    in_memory, chance
) -> None:
    home = start_home(in_memory / "qmail")
    maps = {(home / "users/cdb").read_bytes()}
    mail, rows = set[str](), list[DomainRows]()
    for _ in range(KILLS):
        run_and_kill(home, rows, random.Random(chance.random()), chance.uniform(0, LONGEST))
        check_whole(home, maps)
        rows = random_rows(chance)
        converge(home, rows)
        maps = {(home / "users/cdb").read_bytes()}
        mail |= deliver(home, len(mail))
        assert {path.name for path in (home / "mailnames").rglob("m*.mail")} == mail


def start_home(home: Path) -> Path:
    content = {shared: b"".join(lines) for shared, lines in FOREIGN.items()}
    make_home(home, content | {Shared.ASSIGN: content[Shared.ASSIGN] + b".\ndead text\n"})
    for shared in (Shared.ASSIGN, Shared.MORE, Shared.VALID):
        compile_map(str(home), shared)
    return home


def run_and_kill(home: Path, rows: list[DomainRows], chance: random.Random, seconds: float) -> None:
    """Changes stream in, in a child forked after all imports, until it is killed.

    `rows`: those that are true when it begins.
    """
    child = os.fork()
    if not child:
        with suppress(BaseException):
            host = open_home(home, lists=LISTS)
            while True:
                for _ in range(PARTS):
                    rows, parts = change_some(chance, rows)
                    make_true(host, parts, found=by_files(host, parts, chance))
                rows = random_rows(chance)
                make_true(host, rows)
        os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def by_files(host: Host, parts: list[DomainRows], chance: random.Random) -> list[Wanted]:
    """What is wanted of them; some mailboxes are found by files, with or without their lines."""
    return [
        as_found(one, {*chance.sample(LOCALS, 3)}, {*chance.sample(LOCALS, 2)})
        for one in want_on(host, parts)
    ]


def check_whole(home: Path, maps: set[bytes]) -> None:
    """`maps`: what users/cdb was when the run began."""
    content = {shared: (home / shared).read_bytes() for shared in FOREIGN}
    records, dead = assign.cut(content[Shared.ASSIGN])
    assert dead == b"dead text\n"
    assert all(assign.parse(line) for line in records if line not in FOREIGN[Shared.ASSIGN])
    hosts = {
        f"{dot}{further}{name}": 100 + number
        for number, names in enumerate(NAMES)
        for name in names
        for further in ("", FURTHER)
        for dot in ("", ".")
    }
    allowed = {f"{name}:{prepend}\n".encode() for name, prepend in hosts.items()}
    assert_lines(content[Shared.VIRTUAL], {*FOREIGN[Shared.VIRTUAL], *allowed})
    for shared in (Shared.RCPT, Shared.MORE):
        assert_lines(content[shared], {*FOREIGN[shared], *(f"{name}\n".encode() for name in hosts)})
    for shared, lines in FOREIGN.items():
        assert content[shared].startswith(b"".join(lines))
    predecessors = (home / "users").glob(".assign.qmailpanel-old-*")
    seen = [content[Shared.ASSIGN], *(path.read_bytes() for path in predecessors)]
    check_logins(home)
    assert (home / "users/cdb").read_bytes() in maps | {compiled(text) for text in seen}


def check_logins(home: Path) -> None:
    """Every line is whole, and leads to a home that is there."""
    for path in (home / "logins").rglob("*.passwd"):
        for line in path.read_text().splitlines(keepends=True):
            fields = line.split(":")
            assert (len(fields), line[-1]) == (8, "\n")
            assert not fields[5] or Path(fields[5], "Maildir").is_dir(), line


def assert_lines(content: bytes, allowed: set[bytes]) -> None:
    lines = content.splitlines(keepends=True)
    assert set(lines) <= allowed
    assert len(lines) == len(set(lines))


def compiled(content: bytes) -> bytes:
    with tempfile.TemporaryFile() as file:
        cdb.compile_assign(content, file)
        file.seek(0)
        return file.read()


def converge(home: Path, rows: list[DomainRows]) -> None:
    """A new start: nothing left to do, and all lines are those of the rows, or foreign."""
    host = open_home(home, lists=LISTS)
    done = make_true(host, rows)
    assert (done.steps, done.drifts, done.problems) == ((), {}, {})
    for shared, foreign in FOREIGN.items():
        wanted = [one.section.lines.get(shared, {}) for one in want_on(host, rows)]
        ours = [line for lines in wanted for line in lines.values()]
        end = [b".\n", b"dead text\n"] if shared is Shared.ASSIGN else []
        lines = (home / shared).read_bytes().splitlines(keepends=True)
        assert sorted(lines) == sorted([*foreign, *ours, *end])
    logins = [one.logins for one in want_on(host, rows) if one.logins]
    files = {name: each.render(name) for each in logins for name in each.names}
    found = host.logins.observe({path.stem for path in (home / "logins").iterdir()})
    found.pop(".qmailpanel-new", None)  # a run that was killed may leave it; the next one takes it
    assert found == files
    assert (home / "users/cdb").read_bytes() == compiled((home / Shared.ASSIGN).read_bytes())
    host.memory.close()


def deliver(home: Path, number: int) -> set[str]:
    """A message into some mailbox; it must never get lost."""
    boxes = sorted((home / "mailnames").glob("[!.]*/*/Maildir/new"))
    if not boxes:
        return set()
    name = f"m{number}.mail"
    (boxes[number % len(boxes)] / name).touch()
    return {name}
