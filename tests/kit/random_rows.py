"""Random domains, and hosts that have them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.layout.rows import (
    AliasRow,
    AppRow,
    DepartedRow,
    DomainRows,
    Layout,
    LoginRow,
    MailboxRow,
    ReplyRow,
)
from tests.kit.worlds import LAYOUT, World, settle, want

LOCALS = ("ann", "bob", "info", "jane.roe", "x-y")
NAMES = ("pandle.net", "b.test")
RENAMED = {"pandle.net": "pandle.new", "b.test": "b.new"}
HOSTS = (
    *NAMES,
    *RENAMED.values(),
    "alias0.test",
    "alias1.test",
    "mail.pandle.net",
    "mail.alias1.test",
)
BELOW = ("b.pandle.net", "shop.pandle.net")
FOREIGN = {
    Shared.ASSIGN: (b"=7-joe:popuser:110:31:/home/joe:::\n", b"+w-:alias:7:7:/w:-::note\n"),
    Shared.VIRTUAL: (b"# by hand\n", b"old.test:7\n", b"\n", b"me@x.test:w\n"),
    Shared.RCPT: (b"old.test\n", b".wild.test  \n"),
    Shared.MORE: (b"Older.test\n", b"# by hand\n"),
}
LISTED = replace(LAYOUT, lists=(Shared.VALID, Shared.RECIPIENTS), mailbot="/usr/bin/mailbot")
COMBINED = replace(LAYOUT, lists=(Shared.MORE_VALID,))
AWAY = ReplyRow("Away", "Back in May.", 7)
CATCHING = [b"+10:joe:7:7:/home/joe:::\n", b"+1:joe:7:7:/home/joe:::\n"]  # without a dash
layouts = st.sampled_from([LAYOUT, LISTED, COMBINED])


HASHES = [f"{{ARGON2ID}}$argon2id$v=19$m=19456,t=2,p=1$salt${word}" for word in ("one", "two")]
logins = st.builds(
    LoginRow,
    password=st.sampled_from(["", *HASHES]),
    must_change=st.booleans(),
    pop3=st.booleans(),
    apps=st.sampled_from([(), (AppRow(7, HASHES[0], "ab" * 32),)]),
)

targets = st.one_of(
    st.just("out@side.test"),
    st.builds("{}@{}".format, st.sampled_from((*LOCALS, "unknown")), st.sampled_from(HOSTS)),
)


@st.composite
def domain_rows(
    draw: st.DrawFn, number: int, name: str, targets: st.SearchStrategy[str] = targets
) -> DomainRows:
    """A domain in any state; its mailboxes keep their numbers, so a home stays whose it is."""
    kinds = draw(st.fixed_dictionaries({local: st.sampled_from("-mMRPaAfs") for local in LOCALS}))
    mailboxes = [
        MailboxRow(
            10 * number + i,
            i,
            local,
            enabled=kinds[local] != "M",
            removed=kinds[local] in "RP",
            quota=draw(st.sampled_from([0, 5000])),
            messages=draw(st.sampled_from([0, 0, 3])),
            login=draw(logins),
            on_hold=draw(st.booleans()),
            destinations=draw(st.one_of(st.just(()), st.tuples(targets))),
            reply=draw(st.sampled_from([None, AWAY])),
        )
        for i, local in enumerate(LOCALS)
        if kinds[local] in "mMRP"
    ]
    aliases = [
        AliasRow(
            i, local, draw(_destinations(name, kinds[local], targets)), enabled=kinds[local] != "A"
        )
        for i, local in enumerate(LOCALS)
        if kinds[local] in "aAfs"
    ]
    unknown = draw(st.sampled_from(["bounce", "refuse", "discard", "forward"]))
    return DomainRows(
        domain=number,
        name=name,
        prepend=100 + number + 50 * draw(st.integers(0, 1)),
        change=1,
        enabled=draw(st.booleans()),
        unknown=unknown,
        unknown_target=draw(targets) if unknown == "forward" else "",
        alias_domains=(f"alias{number}.test",) if draw(st.booleans()) else (),
        subdomains=draw(st.booleans()),
        more=draw(st.booleans()),
        removed=draw(st.integers(0, 4)) == 0,
        departed=draw(st.sampled_from([None, DepartedRow(AWAY), DepartedRow(AWAY, "o@x.test")])),
        mailboxes=mailboxes,
        aliases=aliases,
        purged={10 * number + i: i for i, local in enumerate(LOCALS) if kinds[local] == "P"},
    )


def _destinations(
    name: str, kind: str, targets: st.SearchStrategy[str]
) -> st.SearchStrategy[tuple[str, ...]]:
    """An alias of one mailbox of the domain, one that forwards anywhere, or one outside."""
    if kind == "f":
        return st.tuples(targets)
    return st.just((f"ann@{name}",) if kind == "s" else ("one@side.test", "two@side.test"))


def in_service(rows: DomainRows) -> DomainRows:
    return replace(rows, enabled=True, removed=False)


def rename(world: World, rows: DomainRows) -> DomainRows:
    """The domain has another name from now on."""
    name = RENAMED[rows.name]
    world.rename(rows.name, name)
    return replace(rows, name=name, former=(rows.name,))


def without_dead_ends(
    world: World, rows: list[DomainRows], layout: Layout
) -> tuple[list[DomainRows], World]:
    """The rows with a target elsewhere for each that reaches nobody; and the world of them."""
    last = world.copy()
    settle(last, want(rows, layout))

    def mend(targets: tuple[str, ...]) -> tuple[str, ...]:
        alive = [last.reaches(*target.split("@")) for target in targets]
        return targets if all(alive) else ("out@side.test",)

    mended = [
        replace(
            row,
            unknown_target=mend((row.unknown_target,))[0] if row.unknown_target else "",
            mailboxes=[replace(b, destinations=mend(b.destinations)) for b in row.mailboxes],
            aliases=[replace(a, destinations=mend(a.destinations)) for a in row.aliases],
        )
        for row in rows
    ]
    return (rows, last) if mended == rows else without_dead_ends(world, mended, layout)


rows_of_host = st.tuples(*(domain_rows(i, name) for i, name in enumerate(NAMES)))
targets_below = st.builds(
    "{}@{}".format, st.sampled_from(LOCALS), st.sampled_from((*NAMES, *BELOW))
)


@st.composite
def _rows_below(draw: st.DrawFn) -> tuple[DomainRows, DomainRows]:
    """A domain that may have a name below the other one, which may take mail for all of those."""
    name = draw(st.sampled_from(("b.test", "b.pandle.net")))
    above = draw(domain_rows(0, "pandle.net", targets_below))
    below = draw(domain_rows(1, name, targets_below))
    further = draw(st.sampled_from([(), ("shop.pandle.net",)]))
    former = {"b.test", "b.pandle.net"} - {name}
    return above, replace(below, alias_domains=further, former=tuple(former))


rows_below = _rows_below()
near_targets = st.builds("{}@{}".format, st.sampled_from(LOCALS), st.sampled_from(NAMES))
tied_rows = st.tuples(
    *(domain_rows(i, name, near_targets).map(in_service) for i, name in enumerate(NAMES))
)


@st.composite
def _winding_rows(draw: st.DrawFn) -> list[DomainRows]:
    """Two domains that do nothing but forward to each other."""
    ways = st.sampled_from((*near_ends, "out@side.test"))
    return [
        DomainRows(
            domain=number,
            name=name,
            prepend=100 + number,
            change=1,
            unknown="forward",
            unknown_target=draw(ways),
            aliases=[
                AliasRow(at, local, (draw(ways),))
                for at, local in enumerate(LOCALS[:3])
                if draw(st.booleans())
            ],
        )
        for number, name in enumerate(NAMES)
    ]


near_ends = [f"{local}@{name}" for local in (*LOCALS[:3], "unknown") for name in NAMES]
winding_rows = _winding_rows()
foreign_lines = st.fixed_dictionaries(
    {shared: st.permutations(lines) for shared, lines in FOREIGN.items()}
)


def host_with(lines: dict[Shared, list[bytes]]) -> World:
    world = World()
    world.shared[Shared.ASSIGN] = b"".join(lines[Shared.ASSIGN]) + b".\ndead text\n"
    world.shared[Shared.VIRTUAL] = b"".join(lines[Shared.VIRTUAL])
    world.shared[Shared.RCPT] = b"".join(lines[Shared.RCPT])
    world.lists[Shared.MORE] = world.shared[Shared.MORE] = b"".join(lines[Shared.MORE])
    world.compiled = world.shared[Shared.ASSIGN] or b""
    world.loaded = world.shared[Shared.VIRTUAL] or b""
    return world


def outcomes(world: World) -> dict[tuple[str, str], str]:
    return {
        (local, name): world.route(local, name)
        for name in HOSTS
        for local in (*LOCALS, "unknown")
        if world.accepts(name) and world.knows(local, name)
    }


def reached(world: World, names: tuple[str, ...] = HOSTS) -> set[tuple[str, str]]:
    """The addresses whose mail reaches somebody, wherever it is handed in."""
    addresses = ((local, name) for name in names for local in (*LOCALS, "unknown"))
    return {address for address in addresses if world.reaches(*address)}
