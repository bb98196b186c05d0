"""Where qmail brings a message: virtualdomains, the map, dot-qmail files, over any forwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qmailpanel.qmail.formats import control, dotqmail
from tests.kit.assign_map import AssignMap


def find_ends(
    home: Path, address: str, came: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Path]]:
    """The homes into whose Maildir the message comes, each with the address it had last.

    `home`: that of qmail.
    """
    local, _, name = address.partition("@")
    prepend = find_prepend(home, name)
    if prepend is None or address in came:
        return
    with (home / "users/cdb").open("rb") as file:
        data = AssignMap(file).lookup(prepend + b"-" + local.encode())
    if data is None:
        return
    _user, _uid, _gid, directory, dash, extension, *_ = data.split(b"\0")
    place = Path(directory.decode())
    for instruction in _read_instructions(place, extension.decode() if dash else None):
        if isinstance(instruction, dotqmail.Maildir) and (place / "Maildir/new").is_dir():
            yield address, place.resolve()
        elif isinstance(instruction, dotqmail.Forward):
            yield from find_ends(home, instruction.text.decode(), came | {address})


def find_prepend(home: Path, name: str) -> bytes | None:
    """See qmail-send(8): the name itself, then those above it."""
    lines = (home / "control/virtualdomains").read_bytes()
    prepends = dict(entry.split(b":", 1) for _, entry in control.entries(lines) if b":" in entry)
    parts = name.split(".")
    names = [name, *("." + ".".join(parts[start:]) for start in range(1, len(parts)))]
    return next((prepends[each.encode()] for each in names if each.encode() in prepends), None)


def _read_instructions(place: Path, extension: str | None) -> list[dotqmail.Instruction]:
    """See dot-qmail(5). `extension`: None for a home."""
    names = [".qmail"]
    if extension is not None:
        names = [f".qmail-{extension.replace('.', ':')}", ".qmail-default"]
    for name in names:
        if (place / name).is_file():
            return dotqmail.parse((place / name).read_bytes())
    return []
