"""What was applied, address by address and round by round, as the memory keeps it.

Round 0 is what was applied when the last run was over; each later one is what a run that is not
over meant to apply. A row is what a round says of one address, or of the frame (see parts.py),
where it says anything new; an empty text says that there is nothing of it any more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from json.encoder import encode_basestring_ascii as _quote

from qmailpanel.qmail.formats.shared_files import Part, Shared, keyed
from qmailpanel.qmail.plan.parts import FRAME, local_of_key, local_of_path
from qmailpanel.qmail.plan.state import Home, Section

Rows = Mapping[tuple[str, int], str]  # by local part and round; of a local part the oldest first

FINISHED = 0


def to_texts(section: Section) -> dict[str, str]:
    """What it says of each address, by local part. What is equal has equal texts."""
    texts = {FRAME: _quote(f"number\0{section.prepend}")}
    for local, fact in _facts_of(section):
        quoted = _quote(fact)
        texts[local] = f"{texts[local]},{quoted}" if local in texts else quoted
    return texts


def _facts_of(section: Section) -> Iterator[tuple[str, str]]:
    """What it is, and whose: NUL, which is in no name of a file: what is in it."""
    for name in section.logins:
        yield FRAME, f"login\0{name}"
    for shared in Shared:
        lines = section.lines.get(shared, {})
        for key in sorted(lines):
            yield local_of_key(shared, key), f"line {shared}\0{lines[key].decode('latin-1')}"
    for path in sorted(section.files):
        yield local_of_path(path), f"file {path}\0{section.files[path].decode('latin-1')}"
    for path in sorted(section.homes):
        home = section.homes[path]
        numbers = f"{home.mailbox} {home.storage} {home.messages}"
        yield local_of_path(path), f"home {numbers} {path}\0{home.dot_qmail.decode('latin-1')}"


def from_texts(texts: Mapping[str, str], part: Part | None = None) -> Section:
    """The inverse of `to_texts`. `part`: what they are about."""
    prepend, logins = 0, list[str]()
    lines = defaultdict[str, list[bytes]](list)
    files, homes = dict[str, bytes](), dict[str, Home]()
    for fact in json.loads(f"[{','.join(texts.values())}]"):
        head, _, said = fact.partition("\0")
        kind, _, what = head.partition(" ")
        if kind == "line":
            lines[what].append(said.encode("latin-1"))
        elif kind == "home":
            mailbox, storage, messages, path = what.split(" ", 3)
            dot_qmail = said.encode("latin-1")
            homes[path] = Home(int(mailbox), dot_qmail, int(storage), int(messages))
        elif kind == "file":
            files[what] = said.encode("latin-1")
        elif kind == "login":
            logins.append(said)
        else:
            prepend = int(said)
    by_file = {Shared(name): keyed(Shared(name), those) for name, those in lines.items()}
    return Section(prepend, by_file, files, homes, tuple(logins), part)


def pictures(rows: Rows) -> dict[int, dict[str, str]]:
    """Each round whole: over what the rounds before it say lies what it says itself."""
    rounds = sorted({number for _, number in rows})
    return {number: _picture(rows, number) for number in rounds}


def _picture(rows: Rows, through: int) -> dict[str, str]:
    said = {local: text for (local, number), text in rows.items() if number <= through}
    return {local: text for local, text in said.items() if text}


def distinct_sections(rows: Rows, part: Part | None = None) -> Iterator[Section]:
    """The rounds, oldest first, without those that say the same."""
    seen: list[dict[str, str]] = []
    for picture in pictures(rows).values():
        if picture not in seen:
            seen.append(picture)
            yield from_texts(picture, part)


def find_news(rows: Rows, section: Section) -> dict[str, str]:
    """What a new round would say; nothing where each text of the section is in some round.

    What goes needs no round: while it is there, it is known.
    """
    texts = to_texts(section)
    known = {(local, text) for (local, _), text in rows.items()}
    if known.issuperset(texts.items()):
        return {}
    return _difference({local: text for (local, _), text in rows.items()}, texts)


def to_rows(rounds: Mapping[int, Section]) -> dict[tuple[str, int], str]:
    """The inverse of `pictures`, from the oldest round to the newest."""
    rows, before = dict[tuple[str, int], str](), dict[str, str]()
    for number, section in rounds.items():
        texts = to_texts(section)
        for local, text in _difference(before, texts).items():
            rows[local, number] = text
        before = texts
    return rows


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """What a round says that lies over another one."""
    locals_ = before.keys() | after
    said = {local: after.get(local, "") for local in locals_}
    return {local: text for local, text in said.items() if text != before.get(local, "")}
