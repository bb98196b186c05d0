"""What sync remembers of each address, and that it costs what is asked or said."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats.shared_files import Part, Shared
from qmailpanel.qmail.host.memory import Memory
from qmailpanel.qmail.plan.parts import FRAME, cut, is_in, local_of_key, local_of_path
from qmailpanel.qmail.plan.state import Home, Section, empty_section
from qmailpanel.qmail.plan.steps import Move

NAME, OTHER = "pandle.net", "pandle.org"
LOCALS = ("ann", "bob", "jan.piet", "ünder")
ANN = frozenset({"ann"})


def section_of(
    texts: Mapping[str, str], prepend: int = 100, logins: tuple[str, ...] = (), name: str = NAME
) -> Section:
    """Of each local part a line and a home, or a file where the text says so; FRAME: the rest."""
    lines, files, homes = {}, {}, {}
    for local, text in texts.items():
        if local == FRAME:
            lines[b"+%d-" % prepend] = f"+{prepend}-:{text}:1:1:/r/{name}:-::\n".encode()
            files[f"{name}/.qmail-default"] = text.encode()
        elif text.startswith("&"):
            files[f"{name}/.qmail-{local.replace('.', ':')}"] = text.encode("latin-1")
        else:
            key = f"={prepend}-{local}".encode("latin-1")
            lines[key] = key + f":u:1:1:/r/{name}/{local}:::\n".encode("latin-1")
            homes[f"{name}/{local}"] = Home(len(text), text.encode("latin-1"), 7)
    by_file = {Shared.ASSIGN: lines} if lines else {}
    return Section(prepend, by_file, files, homes, logins)


WHOLE = section_of({FRAME: "x", "ann": "a", "bob": "b", "jan.piet": "&j"}, logins=(NAME,))
BARE = cut(section_of({FRAME: "x"}, logins=(NAME,)), ANN)  # what is left of it without ann


@pytest.fixture
def memory(in_memory: Path) -> Memory:
    return Memory(str(in_memory / "memory"))


def know(memory: Memory, *sections: Section, name: str = NAME) -> None:
    """The first was applied; runs meant to apply the others and are not over."""
    memory.finish({name: sections[0]})
    for section in sections[1:]:
        memory.intend({name: section})


def known(memory: Memory, part: Part | None = None, name: str = NAME) -> tuple[Section, ...]:
    return memory.sections([name], {name: part})[name]


@contextmanager
def statements(memory: Memory) -> Iterator[list[str]]:
    """What is written and committed meanwhile."""
    said: list[str] = []
    memory._db.set_trace_callback(said.append)
    yield said
    memory._db.set_trace_callback(None)
    said[:] = [one.split()[0] for one in said if not one.startswith("SELECT")]


# the whole and its parts


def test_a_domain_of_which_nothing_is_known_has_no_section(memory):
    know(memory, WHOLE, name=OTHER)
    assert known(memory) == known(memory, ANN) == ()


def test_a_section_is_remembered_whole_and_address_by_address(memory):
    know(memory, WHOLE)
    assert known(memory) == (WHOLE,)
    assert known(memory, ANN) == (cut(WHOLE, ANN),)
    assert dict(memory.all_sections()) == {NAME: (WHOLE,)}
    assert memory.names() == [NAME]


def test_of_an_address_that_is_not_known_there_is_the_frame(memory):
    know(memory, WHOLE)
    nobody = frozenset({"nobody"})
    assert known(memory, nobody) == (cut(WHOLE, nobody),)
    assert known(memory, frozenset()) == (cut(WHOLE, frozenset()),)


def test_a_part_may_have_any_number_of_addresses(memory):
    many = section_of({FRAME: "x", **{f"box{number}": "b" for number in range(1050)}})
    part = frozenset(f"box{number}" for number in range(25, 1050))
    know(memory, many)
    assert known(memory, part) == (cut(many, part),)


def test_a_name_that_is_no_text_is_remembered(memory):
    odd = replace(WHOLE, homes={"pandle.net/\udcff": Home(9, b"\0\xff")})
    know(memory, odd)
    assert known(memory) == (odd,)
    assert known(memory, frozenset({"\udcff"}))[0].homes == odd.homes


# while a run is at work


def test_both_sides_are_known_while_a_run_is_not_over(memory):
    news = cut(section_of({FRAME: "x", "ann": "new"}, logins=(NAME,)), ANN)
    know(memory, WHOLE, news)
    assert known(memory, ANN) == (cut(WHOLE, ANN), news)
    assert [each.homes["pandle.net/bob"].dot_qmail for each in known(memory)] == [b"b", b"b"]
    assert known(memory, frozenset({"bob"})) == (cut(WHOLE, frozenset({"bob"})),)


def test_what_is_unfinished_is_said_until_its_part_is_finished(memory):
    news = cut(section_of({FRAME: "y", "ann": "new"}), ANN)
    know(memory, WHOLE)
    assert memory.unfinished(NAME) == frozenset()
    memory.intend({NAME: news})
    assert memory.unfinished(NAME) == {FRAME, "ann"}
    memory.finish({NAME: cut(section_of({FRAME: "y", "bob": "z"}), frozenset({"bob"}))})
    assert memory.unfinished(NAME) == {"ann"}
    memory.finish({NAME: news})
    assert memory.unfinished(NAME) == frozenset()


def test_a_part_that_is_finished_leaves_the_rest(memory):
    know(memory, WHOLE)
    memory.finish({NAME: BARE})
    bob = frozenset({"bob", "jan.piet"})
    assert known(memory, ANN) == (BARE,)
    assert known(memory, bob) == (cut(WHOLE, bob),)


def test_a_domain_of_which_nothing_is_left_goes(memory):
    know(memory, WHOLE, section_of({FRAME: "z"}))
    memory.finish({NAME: empty_section(100)})
    assert (memory.names(), known(memory), memory.unfinished(NAME)) == ([], (), frozenset())
    assert memory.owner_of(100) == NAME


def test_a_part_of_which_nothing_is_left_goes_alone(memory):
    know(memory, WHOLE)
    memory.finish({NAME: replace(empty_section(100), part=ANN)})
    assert known(memory)[0].homes.keys() == {"pandle.net/bob"}
    assert memory.names() == [NAME]
    others = frozenset({"bob", "jan.piet"})
    memory.finish({NAME: replace(empty_section(100), part=others)})
    assert (memory.names(), known(memory)) == ([], ())


def test_each_run_that_is_not_over_is_known_as_it_was_meant(memory):
    """Also one that brings back what the one before meant to take away."""
    again = replace(WHOLE, files={"pandle.net/.qmail-new": b"&n"})
    know(memory, WHOLE, empty_section(100), again)
    assert known(memory) == (WHOLE, empty_section(100), again)


def test_a_domain_under_another_number_is_not_taken_for_what_it_was(memory):
    new = section_of({FRAME: "x", "ann": "a"}, prepend=101)
    know(memory, WHOLE, new)
    assert known(memory) == (WHOLE, new)


# nothing is written for nothing


def test_nothing_is_written_where_all_is_known(memory):
    news = cut(section_of({FRAME: "x", "ann": "new"}, logins=(NAME,)), ANN)
    know(memory, WHOLE, news)
    with statements(memory) as said:
        for section in (WHOLE, news, cut(WHOLE, ANN)):
            memory.intend({NAME: section})
        memory.intend({NAME: BARE})  # what goes needs no note
    assert said == []


def test_nothing_is_written_when_what_was_applied_is_applied_again(memory):
    names = {name.encode(): f"{name}:100\n".encode() for name in (NAME, OTHER)}
    files = {f"{NAME}/.qmail-default": b"x", f"{NAME}/.qmail-:left-default": b"y"}
    homes = {f"{NAME}/ann": Home(1, b"a"), f"{NAME}/.qmail-ann": Home(2, b"b")}
    several = Section(100, {Shared.VIRTUAL: names}, files, homes)
    know(memory, WHOLE)
    know(memory, several, name=OTHER)
    with statements(memory) as said:
        memory.finish({NAME: WHOLE})
        memory.finish({OTHER: _turned_round(several)})
        memory.finish({NAME: cut(WHOLE, ANN)})
        memory.finish({"unknown.test": empty_section(101)})
        memory.links = []
    assert said == []


def test_what_one_address_costs_is_two_transactions_and_its_rows(memory):
    know(memory, WHOLE)
    know(memory, WHOLE, name=OTHER)
    news = cut(section_of({FRAME: "x", "ann": "new"}, logins=(NAME,)), ANN)
    with statements(memory) as said:
        memory.intend({NAME: news, OTHER: news})
    begun = ["PRAGMA", "BEGIN", "INSERT", "INSERT", "INSERT", "COMMIT"]
    assert said == begun  # the third: who has it
    with statements(memory) as said:
        memory.finish({NAME: news})
    assert said == ["PRAGMA", "BEGIN", "DELETE", "INSERT", "COMMIT"]


def test_what_is_noted_next_waits_for_the_disk_again(memory):
    know(memory, WHOLE)
    memory.finish({NAME: cut(section_of({FRAME: "x", "ann": "new"}, logins=(NAME,)), ANN)})
    assert not is_synced(memory)
    memory.intend({NAME: WHOLE})
    assert is_synced(memory)


def is_synced(memory: Memory) -> bool:
    """With each commit, as it is now."""
    ((level,),) = memory._db.execute("PRAGMA synchronous")
    return bool(level == 2)


def _turned_round(section: Section) -> Section:
    """The same in another order."""
    lines = {
        shared: dict(reversed(dict(those).items()))
        for shared, those in reversed(dict(section.lines).items())
    }
    files, homes = reversed(dict(section.files).items()), reversed(dict(section.homes).items())
    return replace(section, lines=lines, files=dict(files), homes=dict(homes))


def test_what_is_about_a_part_or_about_names_looks_at_nothing_else(memory):
    know(memory, WHOLE)
    news = cut(section_of({FRAME: "x", "ann": "new"}, logins=(NAME,)), ANN)
    plans = [
        *plans_of(memory, lambda: known(memory, ANN)),
        *plans_of(memory, memory.names),
        *plans_of(memory, memory.left_names),
        *plans_of(memory, lambda: memory.unfinished(NAME)),
        *plans_of(memory, lambda: memory.intend({NAME: news})),
        *plans_of(memory, lambda: memory.finish({NAME: news})),
        *plans_of(memory, lambda: memory.move(NAME, NAME, Move("pandle.net/ann", "pandle.net/a"))),
    ]
    assert set(plans) == {
        "PRIMARY KEY (name=? AND local=?)",
        "INDEX kept_frames",
        "INDEX kept_frames (name>? AND name<?)",
        "INDEX kept_unfinished (name=? AND round>?)",
    }


def plans_of(memory: Memory, call: Callable[[], object]) -> list[str]:
    """How SQLite finds what is asked of the sections."""
    said: list[str] = []
    memory._db.set_trace_callback(said.append)
    call()
    memory._db.set_trace_callback(None)
    return [
        detail.partition(" USING ")[2].removeprefix("COVERING ")
        for statement in said
        if statement.startswith("SELECT") and " kept " in statement
        for *_, detail in memory._db.execute(f"EXPLAIN QUERY PLAN {statement}")
    ]


# any history


@st.composite
def _sections(draw: st.DrawFn) -> Section:
    chosen = draw(st.dictionaries(st.sampled_from(LOCALS), st.sampled_from(["a", "b", "&a"])))
    prepend, part = draw(
        st.sampled_from([(100, None), (101, None)])
        | st.tuples(st.just(0), st.sets(st.sampled_from(LOCALS)).map(frozenset))
    )
    frame = draw(st.sampled_from(["x", "y"]))
    logins = draw(st.sampled_from([(), (NAME,), (NAME, OTHER)]))
    return cut(section_of({FRAME: frame, **chosen}, prepend, logins), part)


class Model:
    """Whole sections by what they say of each address; the first is what was applied."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, Section]] = [{}]

    def intend(self, section: Section) -> None:
        said = _by_local(section)
        known = [pair for each in self.rounds for pair in each.items()]
        if not all(pair in known for pair in said.items()):
            self.rounds.append(self._with(self.rounds[-1], section, said))

    def finish(self, section: Section) -> None:
        said = _by_local(section)
        self.rounds = [self._with(each, section, said) for each in self.rounds]

    @staticmethod
    def _with(
        each: Mapping[str, Section], section: Section, said: Mapping[str, Section]
    ) -> dict[str, Section]:
        others = {at: text for at, text in each.items() if not is_in(at, section.part)}
        return others | dict(said)

    def sections(self, part: Part | None) -> list[Section]:
        cut_rounds: list[dict[str, Section]] = []
        for each in self.rounds:
            said = {local: text for local, text in each.items() if is_in(local, part)}
            if said and said not in cut_rounds:
                cut_rounds.append(said)
        return [_whole(said, part) for said in cut_rounds]


def _by_local(section: Section) -> dict[str, Section]:
    keys = section.lines.get(Shared.ASSIGN, {})
    locals_ = {
        FRAME,
        *(local_of_key(Shared.ASSIGN, key) for key in keys),
        *map(local_of_path, (*section.files, *section.homes)),
    }
    frame = cut(section, frozenset())
    bare = Section(0, {}, {}, {})
    return {FRAME: frame} | {
        local: replace(_without(cut(section, frozenset({local})), frame), part=bare.part)
        for local in locals_ - {FRAME}
    }


def _without(section: Section, frame: Section) -> Section:
    lines = section.lines.get(Shared.ASSIGN, {})
    others = frame.lines.get(Shared.ASSIGN, {})
    return Section(
        0,
        {Shared.ASSIGN: {key: line for key, line in lines.items() if key not in others}},
        {path: text for path, text in section.files.items() if path not in frame.files},
        section.homes,
    )


def _whole(said: Mapping[str, Section], part: Part | None) -> Section:
    lines: dict[bytes, bytes] = {}
    files: dict[str, bytes] = {}
    homes: dict[str, Home] = {}
    for each in said.values():
        lines |= each.lines.get(Shared.ASSIGN, {})
        files |= each.files
        homes |= each.homes
    frame = said[FRAME]
    return Section(frame.prepend, {Shared.ASSIGN: lines}, files, homes, frame.logins, part)


HISTORIES = st.lists(st.tuples(st.booleans(), _sections()), max_size=8)


@settings(max_examples=150, deadline=None)
@given(HISTORIES, st.none() | st.sets(st.sampled_from(LOCALS)).map(frozenset))
def test_after_any_history_the_memory_knows_what_was_said(history, part):
    memory, model = Memory(""), Model()
    for is_finished, drawn in history:
        frame = model.rounds[-1].get(FRAME)
        said = replace(drawn, prepend=drawn.prepend or (frame.prepend if frame else 100))
        if is_finished:
            memory.finish({NAME: said})
            model.finish(said)
        else:
            memory.intend({NAME: said})
            model.intend(said)
        assert known(memory, part) == tuple(model.sections(part))
    assert known(memory) == tuple(model.sections(None))
    memory.close()


# moves


def test_a_home_that_moves_is_known_at_its_new_place_and_nothing_else_is_written(memory):
    news = cut(section_of({FRAME: "x", "ann": "new"}, logins=(NAME,)), ANN)
    know(memory, WHOLE, news)
    with statements(memory) as said:
        memory.move(NAME, NAME, Move("pandle.net/ann", "pandle.net/anna"))
    assert said.count("COMMIT") == 1
    assert len(said) < 12
    assert [sorted(each.homes) for each in known(memory)] == [
        ["pandle.net/anna", "pandle.net/bob"]
    ] * 2
    assert [each.homes["pandle.net/anna"].dot_qmail for each in known(memory)] == [b"a", b"new"]
    assert memory.links == [("pandle.net/ann", "pandle.net/anna")]


def test_a_domain_that_moves_is_known_by_its_new_name_with_what_is_left_of_who_had_it(memory):
    theirs = section_of({FRAME: "t", "eve": "e"}, prepend=99, name=OTHER)
    know(memory, theirs, name=OTHER)
    know(memory, WHOLE)
    memory.move(NAME, OTHER, Move(NAME, OTHER))
    left, ours = known(memory, name=OTHER)
    assert (left.prepend, left.files, left.homes, left.lines) == (99, {}, {}, theirs.lines)
    assert ours.homes.keys() == {"pandle.org/ann", "pandle.org/bob"}
    assert memory.names() == [OTHER]
    assert memory.owner_of(100) == OTHER


def test_what_is_learned_is_known_alone_and_in_its_order(memory):
    know(memory, WHOLE, section_of({FRAME: "z"}))
    learned = [
        section_of({"ann": "1"}),
        section_of({"ann": "2", "bob": "b"}),
        section_of({"ann": "1"}),
        section_of({}, 90),
    ]
    memory.relearn({NAME}, {OTHER: learned})
    assert known(memory) == ()
    assert known(memory, name=OTHER) == (learned[0], learned[1], learned[3])
    assert memory.owner_of(90) == OTHER


def test_a_copy_knows_all_of_it(memory):
    know(memory, WHOLE, section_of({FRAME: "z"}))
    memory.foreign = b"x\n"
    copy = Memory("")
    memory.copy_to(copy)
    assert (known(copy), copy.foreign, copy.owner_of(100)) == (known(memory), b"x\n", NAME)


# what an earlier version kept


def _old_text(*sections: Section) -> str:
    return json.dumps([json.dumps(_old_section(section)) for section in sections])


def _old_section(section: Section) -> object:
    lines = {
        shared: [line.decode("latin-1") for line in those.values()]
        for shared, those in section.lines.items()
    }
    files = {path: text.decode("latin-1") for path, text in section.files.items()}
    homes = {
        path: [home.mailbox, home.dot_qmail.decode("latin-1"), *home.limits]
        for path, home in section.homes.items()
    }
    return {
        "prepend": section.prepend,
        "lines": lines,
        "files": files,
        "homes": homes,
        "logins": section.logins,
    }


def keep_old(path: Path, rows: Mapping[str, Sequence[Section]]) -> None:
    path.parent.mkdir(exist_ok=True)
    db = sqlite3.connect(path)
    with db:
        db.execute("CREATE TABLE section (name TEXT PRIMARY KEY, sections TEXT NOT NULL)")
        for name, sections in rows.items():
            db.execute("INSERT INTO section VALUES (?, ?)", (name, _old_text(*sections)))
    db.close()


def tables(path: Path) -> set[str]:
    db = sqlite3.connect(path)
    found = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    return found


def test_what_an_earlier_version_kept_is_taken_over(in_memory):
    path = in_memory / "memory/applied.sqlite3"
    unfinished = section_of({FRAME: "x", "ann": "new", "ünder": "u"})
    keep_old(path, {NAME: [WHOLE, unfinished], OTHER: [WHOLE], ".left-7": [section_of({}, 7)]})
    memory = Memory(str(path.parent))
    assert known(memory) == (WHOLE, unfinished)
    assert known(memory, name=OTHER) == (WHOLE,)
    assert memory.unfinished(OTHER) == frozenset()
    assert memory.left_names() == {".left-7"}
    assert tables(path) == {"kept", "fact", "prepend"}
    memory.close()
    assert known(Memory(str(path.parent))) == (WHOLE, unfinished)


def test_a_memory_from_before_limits_and_logins_is_taken_over(in_memory):
    path = in_memory / "memory/applied.sqlite3"
    keep_old(path, {})
    homes = {"d.net/a": [1, "x"], "d.net/b": [2, "x", 5000], "d.net/c": [3, "x", 5000, 9]}
    text = json.dumps({"prepend": 100, "lines": {}, "files": {}, "homes": homes})
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO section VALUES (?, ?)", ("d.net", json.dumps([text])))
    db.close()
    (section,) = known(Memory(str(path.parent)), name="d.net")
    assert [home.limits for home in section.homes.values()] == [(0, 0), (5000, 0), (5000, 9)]
    assert section.logins == ()


def test_a_takeover_that_is_killed_anywhere_is_done_by_the_next(in_memory):
    path = in_memory / "memory/applied.sqlite3"
    keep_old(path, {NAME: [WHOLE], OTHER: [WHOLE]})
    old = path.read_bytes()
    done = 0
    for moment in range(1, 60):
        for each in path.parent.iterdir():
            each.unlink()
        path.write_bytes(old)
        done += _take_over(path, moment)
        assert "section" in tables(path) or "kept" in tables(path)
        memory = Memory(str(path.parent))
        assert known(memory) == known(memory, name=OTHER) == (WHOLE,)
        memory.close()
    assert 0 < done < moment


def _take_over(path: Path, moment: int) -> bool:
    """In a process that is killed some instructions of SQLite's later, if it is at work then."""
    pid = os.fork()
    if not pid:
        left = [moment]

        class Watched(sqlite3.Connection):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                self.set_progress_handler(lambda: _kill_at(left), 20)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sqlite3, "connect", Watched)
            Memory(str(path.parent))
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def _kill_at(left: list[int]) -> int:
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0
