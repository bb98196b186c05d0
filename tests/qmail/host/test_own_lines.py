"""Whose each line of the shared files is, as the memory says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.formats.whose_lines import take_apart
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.host.own_lines import OwnLines
from qmailpanel.qmail.plan.state import Section, Wanted, lines_of

FOREIGN = {
    Shared.ASSIGN: b"=7-joe:joe:7:7:/home/joe:::\n",
    Shared.VIRTUAL: b"joe.test:joe\n",
    Shared.RCPT: b"joe.test\n",
    Shared.MORE: b"joe.test\n",
}
PREPENDS = {"a.test": 100, "b.test": 10}
locals_of = st.sets(st.sampled_from(["ann", "bob"]))
others = st.sampled_from([b"a.test\n", b"b.test\n", b"joe.test\n"])


@st.composite
def sections(draw: st.DrawFn, name: str) -> Section:
    """A name may be in either list of hosts, with either domain, and somebody else's too."""
    number = draw(st.sampled_from([PREPENDS[name]] * 3 + [20]))
    hosts = st.one_of(st.just({name.encode() + b"\n"}), st.sets(others))
    assigned = [b"+%d-" % number, *(b"=%d-%s" % (number, x.encode()) for x in draw(locals_of))]
    lines = {
        Shared.ASSIGN: [b"%s:u:1:2:/m:::\n" % each for each in assigned],
        Shared.VIRTUAL: [b"%s:%d\n" % (name.encode(), number)],
        Shared.RCPT: draw(hosts),
        Shared.MORE: draw(hosts),
    }
    return Section(number, {shared: keyed(shared, own) for shared, own in lines.items()}, {}, {})


@settings(max_examples=500)
@given(st.data())
def test_files_are_taken_apart_as_with_all_lines_at_hand(data) -> None:
    memory = Memory("")
    applied = {
        name: data.draw(st.lists(sections(name), min_size=1, max_size=2))
        for name in sorted(PREPENDS)
    }
    memory.relearn((), applied)
    names = data.draw(st.sets(st.sampled_from(sorted(PREPENDS))))
    wanted = [Wanted(1, name, 1, data.draw(sections(name))) for name in sorted(names)]
    contents = {shared: data.draw(contents_of(shared, applied)) for shared in FOREIGN}
    files = OwnLines(memory).take_apart(contents, wanted)
    known = [(name, one) for name, those in applied.items() for one in those]
    known += [(one.name, one.section) for one in wanted]
    prepends = {name: section.prepend for name, section in known}
    for shared, content in contents.items():
        ours = {line: name for name, one in known for line in lines_of(one, shared).values()}
        assert files[shared] == take_apart(shared, content, ours, prepends)


@st.composite
def contents_of(draw: st.DrawFn, shared: Shared, applied: dict[str, list[Section]]) -> bytes | None:
    """Mostly as the panel writes it, which may have been killed when a run was not over."""
    if draw(st.integers(0, 9)) == 0:
        return None
    ours = list[bytes]()
    for _, name in sorted((those[-1].prepend, name) for name, those in applied.items()):
        rounds = [one.lines[shared] for one in applied[name]]
        under_way = {key: line for lines in rounds for key, line in lines.items()}
        ours += [line for _, line in sorted(draw(st.sampled_from([*rounds, under_way])).items())]
    lines = [FOREIGN[shared], *ours]
    if draw(st.integers(0, 3)) == 0:
        lines = draw(st.permutations(lines))
    return b"".join([*lines, b".\n" if shared is Shared.ASSIGN else b""])
