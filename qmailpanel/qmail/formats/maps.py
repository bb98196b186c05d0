"""Shared files that qmail reads compiled to a cdb: where it is, who makes it, what it answers.

    users/assign            users/cdb                   see qmail-newu(8)
    control/morercpthosts   control/morercpthosts.cdb   see qmail-newmrh(8)
    users/recipients        users/recipients.cdb        see qmail-recipients(8) of s/qmail
    control/validrcptto     control/validrcptto.cdb     no program: every site has a script
    control/morevalidrcptto control/morevalidrcptto.cdb qmail-newmvrt of the combined patch

The lists are one entry a line, in lower case, blanks at the end dropped, `#` in the first column
a comment. Their entries have no data; s/qmail's keys begin with a colon. Whoever is not listed is
refused. The combined patch refuses whom `-joe@a.test` or `-@a.test` names; it asks for the address,
then for it with the minus, then for `@a.test`, then for that with the minus.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from qmailpanel.qmail.formats import assign, cdb, control
from qmailpanel.qmail.formats.shared_files import Foreign, Shared


@dataclass(frozen=True, slots=True)
class Map:
    """`path` is relative to the qmail home; `program` is in its bin, empty where there is none.

    `key`: of a line in the shared file → of its record. `data`: a canonical line → what the
    record says. `line`: a record → the line it was made of, None where it was made of none.
    """

    path: str
    program: str
    key: Callable[[bytes], bytes]
    data: Callable[[bytes], bytes]
    line: Callable[[bytes, bytes], bytes | None]
    compile: Callable[[bytes, BinaryIO], None]

    def answers(self, foreign: Foreign, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """What the map is to say for those of the keys that are foreign lines' keys."""
        return {key: self.data(foreign.keys[key][0]) for key in keys if key in foreign.keys}


def _pair_data(line: bytes) -> bytes:
    return assign.pair(line)[1]


def _list(path: str, program: str, sign: bytes = b"") -> Map:
    def compile_list(content: bytes, file: BinaryIO) -> None:
        names = (_entry(line) for line in control.split_lines(content))
        cdb.compile_records(((sign + name, b"") for name in names if name), file)

    return Map(
        path,
        program,
        key=lambda key: sign + key,
        data=lambda _: b"",
        line=lambda key, _: key.removeprefix(sign) + b"\n",
        compile=compile_list,
    )


def _entry(line: bytes) -> bytes:
    name = line.rstrip(b" \t\n").lower()
    return b"" if name.startswith(b"#") else name


MAPS: Mapping[Shared, Map] = {
    Shared.ASSIGN: Map(
        "users/cdb", "qmail-newu", cdb.assign_key, _pair_data, cdb.assign_line, cdb.compile_assign
    ),
    Shared.MORE: _list("control/morercpthosts.cdb", "qmail-newmrh"),
    Shared.VALID: _list("control/validrcptto.cdb", ""),
    Shared.MORE_VALID: _list("control/morevalidrcptto.cdb", "qmail-newmvrt"),
    Shared.RECIPIENTS: _list("users/recipients.cdb", "qmail-recipients", b":"),
}
