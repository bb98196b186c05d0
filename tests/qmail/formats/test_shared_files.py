"""Our lines of a part of a domain: found and replaced without those of its other addresses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats.ordered_lines import beginning, exactly, find_spans, splice
from qmailpanel.qmail.formats.shared_files import (
    KNOWN_RECIPIENTS,
    LineFile,
    OurLines,
    Part,
    Shared,
    keyed,
    take_apart,
)
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
