"""A shared file taken apart line by line: whose each is, wherever it stands."""

from __future__ import annotations

from collections.abc import Mapping

from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.formats.shared_files import (
    Foreign,
    LineFile,
    Shared,
    in_order,
    join_lines,
    key_of,
    value_of,
)


def take_apart(
    shared: Shared, content: bytes | None, ours: Mapping[bytes, str], prepends: Mapping[str, int]
) -> LineFile:
    """Split a shared file by owner; `ours` maps canonical lines to the name of their domain."""
    if content is None:
        return LineFile(shared, None, Foreign(shared), end=no_end(shared))
    raws, end, unclean = cut(shared, content)
    foreign, mine = [], dict[str, dict[bytes, None]]()
    for raw in raws:
        line, name = _owner(shared, raw, ours)
        if name is None:
            foreign.append(raw)
        else:
            mine.setdefault(name, {})[line] = None
    sections = {name: (prepends[name], join_lines(shared, lines)) for name, lines in mine.items()}
    others = Foreign(shared, tuple(foreign))
    return LineFile(shared, content, others, in_order(sections), end, unclean)


def _owner(shared: Shared, raw: bytes, ours: Mapping[bytes, str]) -> tuple[bytes, str | None]:
    name = ours.get(raw)
    if name is not None or not ours:
        return raw, name
    line = meaning_of(shared, raw)
    return line, ours.get(line)


def meaning_of(shared: Shared, raw: bytes) -> bytes:
    """A raw line as ours are spelled; one that says nothing as it is."""
    return value_of(shared, raw) if key_of(shared, raw) is not None else raw


def no_end(shared: Shared) -> bytes:
    return b".\n" if shared is Shared.ASSIGN else b""


def cut(shared: Shared, content: bytes) -> tuple[list[bytes], bytes, str]:
    """Raw lines, the end, and why qmail would not take the file as it is."""
    if shared is not Shared.ASSIGN:
        return control.split_lines(content), b"", ""
    try:
        records, _ = assign.cut(content)
    except assign.BadAssign as error:
        return *_salvage(content), str(error)
    end = content[sum(map(len, records)) :]
    return records, end if end.endswith(b"\n") else end + b"\n", ""


def _salvage(content: bytes) -> tuple[list[bytes], bytes]:
    """Of a file that qmail-newu refuses: the lines it would take, and the end.

    The others become dead text, each once; what was dead text stays so.
    """
    lines = control.split_lines(content)
    if lines:
        lines[-1] = lines[-1].removesuffix(b"\n") + b"\n"
    first = next((at for at, line in enumerate(lines) if line.startswith(b".")), len(lines))
    above, end = lines[:first], lines[first:] or [b".\n"]
    bad = dict.fromkeys(line for line in above if not _is_record(line))
    dead = [*(line for line in bad if line not in end), *end[1:]]
    return [line for line in above if line not in bad], b"".join([end[0], *dead])


def _is_record(line: bytes) -> bool:
    try:
        return assign.cut(line + b".\n")[0] == [line]
    except assign.BadAssign:
        return False
