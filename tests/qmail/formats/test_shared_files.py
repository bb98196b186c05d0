"""Our lines of a part of a domain: found and replaced without those of its other addresses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats.as_written import AsWritten
from qmailpanel.qmail.formats.ordered_lines import beginning, exactly, find_spans, splice
from qmailpanel.qmail.formats.shared_files import (
    KNOWN_RECIPIENTS,
    LineFile,
    OurLines,
    Part,
    Shared,
    keyed,
)
from qmailpanel.qmail.formats.whose_lines import take_apart
from qmailpanel.qmail.plan.parts import cut_lines

LOCALS = ("a", "ab", "a-b", "a.b", "a+b", "b", "zz", "0")
DOMAINS = {"a.test": 100, "b.test": 10, "c.test": 1000}
FOREIGN = (b"# by hand\n", b"=7-joe:joe:7:7:/home/joe:::\n", b"+w-:alias:7:7:/w:-::note\n")
shareds = st.sampled_from((Shared.ASSIGN, *KNOWN_RECIPIENTS, Shared.VIRTUAL, Shared.RCPT))
locals_of = st.frozensets(st.sampled_from(LOCALS))
some_keys = st.binary(min_size=1, max_size=4).filter(lambda key: not {10, 58} & {*key})
homes = st.sampled_from((b"/m/one", b"/m/other"))


def lines_of(
    shared: Shared, name: str, locals_: Part, home: bytes, *, is_open: bool
) -> dict[bytes, bytes]:
    """What a domain may have in a file: its frame, and some addresses."""
    number, host = DOMAINS[name], name.encode()
    addresses = [local.encode() for local in sorted(locals_)]
    match shared:
        case Shared.ASSIGN:
            names = [b"+%d-" % number, *(b"=%d-%s" % (number, local) for local in addresses)]
            lines = [b"%s:popuser:110:31:%s:::\n" % (each, home) for each in names]
        case Shared.VIRTUAL:
            lines = [b"%s:%d\n" % (each, number) for each in (host, b"x." + host)]
        case Shared.RCPT:
            lines = [host + b"\n", b"x.%s\n" % host]
        case _:
            frame = [b"@%s\n" % host, b"-@%s\n" % host] if is_open else []
            lines = [b"%s@%s%s\n" % (a, x, host) for a in addresses for x in (b"", b"x.")] + frame
    return keyed(shared, lines)


@st.composite
def sections_of(draw: st.DrawFn, shared: Shared) -> dict[str, dict[bytes, bytes]]:
    names = draw(st.sets(st.sampled_from(sorted(DOMAINS))))
    return {
        name: lines_of(shared, name, draw(locals_of), draw(homes), is_open=draw(st.booleans()))
        for name in sorted(names)
    }


def file_of(
    shared: Shared, sections: dict[str, dict[bytes, bytes]], draw: st.DataObject
) -> LineFile:
    lines = [line for own in sections.values() for line in own.values()]
    foreign = [raw for raw in FOREIGN if shared is Shared.ASSIGN and raw.count(b":") > 1]
    content = b"".join([*draw.draw(st.permutations(lines)), *foreign])
    return take_file(shared, content + (b".\nend\n" if shared is Shared.ASSIGN else b""), sections)


def take_file(
    shared: Shared, content: bytes | None, sections: dict[str, dict[bytes, bytes]]
) -> LineFile:
    ours = {line: name for name, own in sections.items() for line in own.values()}
    return take_apart(shared, content, ours, DOMAINS)


@given(shareds, locals_of, st.data())
def test_the_lines_of_a_part_are_those_that_are_about_its_addresses(shared, part, data) -> None:
    sections = data.draw(sections_of(shared))
    file = file_of(shared, sections, data)
    for name, own in sections.items():
        assert file.section(name) == own
        assert file.section(name, part) == cut_lines(shared, own, part)
        others = own.items() - cut_lines(shared, own, part).items()
        assert file.others(name, part).splitlines(keepends=True) == [
            line for _, line in sorted(others)
        ]


@given(shareds, st.data())
def test_lines_of_parts_go_and_come_and_all_others_stay(shared, data) -> None:
    before, after = data.draw(sections_of(shared)), data.draw(sections_of(shared))
    file = file_of(shared, before, data)
    parts = {name: data.draw(st.one_of(st.none(), locals_of)) for name in after}
    news = {
        name: OurLines(DOMAINS[name], cut_lines(shared, own, parts[name]), parts[name])
        for name, own in after.items()
    }
    expected = {name: own for name, own in before.items() if name not in after}
    for name, new in news.items():
        old = before.get(name, {})
        gone = cut_lines(shared, old, new.part)
        kept = {key: line for key, line in old.items() if key not in gone}
        expected[name] = {**kept, **new.lines}
    changed = file.with_lines(news)
    assert {name: changed.section(name) for name in changed.sections} == {
        name: own for name, own in expected.items() if own
    }
    assert changed.foreign is file.foreign
    assert changed.content == as_ever(file, expected)
    assert take_file(shared, changed.content, expected).sections == changed.sections


def as_ever(file: LineFile, sections: dict[str, dict[bytes, bytes]]) -> bytes:
    """The file put together of all its lines: the domain of the lowest number first."""
    names = sorted(sections, key=lambda name: DOMAINS[name])
    ours = [line for name in names for _, line in sorted(sections[name].items())]
    return b"".join([file.foreign.text, *ours, file.end])


@given(
    st.sets(st.binary(min_size=1, max_size=4).filter(lambda key: not {10, 58} & {*key})), st.data()
)
def test_a_range_of_a_text_is_found_wherever_it_is(keys, data) -> None:
    ordered = sorted(keys)
    text = b"".join(key + b":x\n" for key in ordered)
    key = data.draw(st.sampled_from([*ordered, b"new"]))
    for first, last in (exactly(key), beginning(key[:1])):
        ((start, stop),) = find_spans(text, [(first, last)], b":")
        there = [each + b":x\n" for each in ordered if first <= each < last]
        assert text[start:stop] == b"".join(there)
    put = splice(text, [exactly(key)], {key: key + b":y\n"}, b":")
    assert put == b"".join(
        each + (b":y\n" if each == key else b":x\n") for each in sorted({*keys, key})
    )


def as_written_of(shared: Shared, *rounds: dict[str, dict[bytes, bytes]]) -> AsWritten:
    """What is to stand there when any of the rounds was over, or all of them are under way."""
    expected = AsWritten(shared)
    for name, number in DOMAINS.items():
        pictures = [sections.get(name, {}) for sections in rounds]
        pictures.append({key: line for own in pictures for key, line in own.items()})
        ours = [line for own in pictures for line in own.values()]
        expected.add(name, number, pictures, ours)
    return expected


@given(shareds, st.data())
def test_a_file_as_it_was_written_needs_no_look_at_each_line(shared, data) -> None:
    rounds = [data.draw(sections_of(shared)) for _ in range(data.draw(st.integers(1, 3)))]
    sections = {
        name: OurLines(DOMAINS[name], own)
        for name in DOMAINS
        if (own := data.draw(st.sampled_from([one.get(name, {}) for one in rounds])))
    }
    foreign = b"".join(raw for raw in FOREIGN if shared is not Shared.ASSIGN or b":" in raw)
    end = b".\nend" if shared is Shared.ASSIGN else b""
    written = take_file(shared, foreign + end, {}).with_lines(sections)
    file = as_written_of(shared, *rounds).take_apart(written.content)
    assert file is not None
    owners = {name: dict(enumerate_lines(rounds, name)) for name in DOMAINS}
    assert file == take_file(shared, written.content, owners)
    assert list(file.sections) == list(written.sections)


def enumerate_lines(
    rounds: list[dict[str, dict[bytes, bytes]]], name: str
) -> Iterator[tuple[bytes, bytes]]:
    """The lines of all rounds, each once."""
    for sections in rounds:
        for line in sections.get(name, {}).values():
            yield line, line


@st.composite
def disturbed(draw: st.DrawFn, lines: list[bytes]) -> list[bytes]:
    """The lines after somebody was at them."""
    lines = list(lines)
    odd = (*FOREIGN, b"=x\n", b"\n", b"# \xff\n", b".\n", b"A.test:100\n", b"a@A.test \n", b"a")
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(lines)))
        own = draw(st.sampled_from(lines)) if lines else b"x\n"
        new = st.sampled_from((own, own.upper(), own[:-1], own[:-1] + b" \n", *odd))
        lines[at : at + draw(st.integers(0, 1))] = draw(st.lists(new, max_size=1))
    return lines


@given(shareds, st.data())
def test_a_file_is_taken_apart_alike_with_a_look_at_each_line_and_without(shared, data) -> None:
    sections = data.draw(sections_of(shared))
    ours = [
        line
        for name in sorted(sections, key=lambda name: DOMAINS[name])
        for _, line in sorted(sections[name].items())
    ]
    end = [b".\n"] if shared is Shared.ASSIGN else []
    content = b"".join(data.draw(disturbed([*FOREIGN[1:], *ours, *end])))
    others = data.draw(st.frozensets(st.sampled_from([*FOREIGN, *ours, b"other\n"])))
    expected = as_written_of(shared, sections)
    expected.add("c.test", DOMAINS["c.test"], [], others)
    owners = {line: name for name, own in sections.items() for line in own.values()}
    each = take_apart(shared, content, owners | dict.fromkeys(others, "c.test"), DOMAINS)
    assert expected.take_apart(content) in (None, each)


ASSIGNED = [b"+100-:popuser:110:31:/m/one:::\n", b"=100-a:popuser:110:31:/m/one:::\n"]


@pytest.mark.parametrize(
    ("shared", "foreign", "ours"),
    [
        pytest.param(Shared.ASSIGN, b"garbage\n", ASSIGNED, id="qmail takes no such foreign line"),
        pytest.param(Shared.ASSIGN, b"", [b"=100-a:\n"], id="qmail takes no such line of ours"),
        pytest.param(Shared.ASSIGN, ASSIGNED[0][:-1] + b"x\n", ASSIGNED, id="ours, with a note"),
        pytest.param(Shared.RCPT, b"A.test\n", [b"a.test\n"], id="ours, in capitals"),
        pytest.param(Shared.RCPT, b"www.", [b"a.test\n"], id="it runs into ours"),
        pytest.param(Shared.RCPT, b"a.test\n", [b"a.test\n"], id="it stands twice"),
    ],
)
def test_each_line_is_looked_at_where(shared, foreign, ours) -> None:
    expected = AsWritten(shared)
    expected.add("a.test", 100, [{line: line for line in ours}], ours)
    end = b".\n" if shared is Shared.ASSIGN else b""
    assert expected.take_apart(foreign + b"".join(ours) + end) is None


def test_each_line_is_looked_at_where_one_may_be_of_either_domain() -> None:
    expected, line = AsWritten(Shared.RCPT), b"www.test\n"
    for name in ("a.test", "b.test"):
        expected.add(name, DOMAINS[name], [{line: line}, {}], [line])
    assert expected.take_apart(line) is None
