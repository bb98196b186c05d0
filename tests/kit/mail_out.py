"""Where messages came to: the Maildirs below /var/qmail, and what left for outside."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.kit.real_qmail import HOME, MAIL_ROOT

SINK = HOME / "sink"
POSTMASTER = "the postmaster"
MOST_HOPS = 12  # forwards, then a bounce of that and one of this
_TOKEN = re.compile(r"(?m)^Subject: (message-\d+)$")
_BOUNCE = re.compile(r"(?m)^Subject: failure notice$")

# qmail-remote(8): one report for each recipient, then one of the message
_RECORDER = f"""#!/bin/sh
shift 2
new=$(mktemp {SINK}/.XXXXXXXX) || exit 111
{{ printf '%s\\n' "$@" ''; cat; }} > "$new" && mv "$new" {SINK}/"${{new##*.}}" || exit 111
for recipient; do printf 'r\\0'; done
printf 'Kkept\\0'
"""


class Arrival(NamedTuple):
    """A message, or a bounce of it, that came to its end; `place` is as ends are named."""

    token: str
    place: str
    is_bounce: bool
    at: float


def keep_what_leaves() -> None:
    """From now on qmail-remote brings mail into the sink, and the postmaster has a Maildir."""
    remote = pwd.getpwnam("qmailr")
    SINK.mkdir()
    os.chown(SINK, remote.pw_uid, remote.pw_gid)
    program = HOME / "bin/qmail-remote"
    program.unlink()
    program.write_text(_RECORDER)
    program.chmod(0o711 | 0o044)
    (HOME / "control/concurrencyremote").write_text("20\n")
    alias = pwd.getpwnam("alias")
    for directory in ("Maildir", "Maildir/new", "Maildir/tmp", "Maildir/cur"):
        (HOME / "alias" / directory).mkdir()
        os.chown(HOME / "alias" / directory, alias.pw_uid, alias.pw_gid)
    (HOME / "alias/.qmail-postmaster").write_text("./Maildir/\n")


def is_queue_empty() -> bool:
    """A look may miss one that is forwarded or bounced meanwhile, but not all that follow it."""
    return all(_sees_none() for _ in range(MOST_HOPS))


def _sees_none() -> bool:
    """A message goes when those that it became are there, perhaps where was looked before."""
    return not any((HOME / "queue/mess").glob("*/*"))


def arrivals(home_of: Callable[[str], str]) -> Iterator[Arrival]:
    """All that came to an end. `home_of`: the number of the home at a path below the mail root."""
    for home in MAIL_ROOT.glob("*/*"):
        path = str(home.relative_to(MAIL_ROOT))
        archived = home.name if path.startswith(".archive/") else ""
        yield from _read_all(home / "Maildir/new", archived or home_of(path) or f"nobody's {path}")
    yield from _read_all(HOME / "alias/Maildir/new", POSTMASTER)
    for file in SINK.iterdir():
        envelope, _, text = file.read_text().partition("\n\n")
        for recipient in envelope.splitlines():
            yield from _read_one(file, text, recipient)


def _read_all(new: Path, place: str) -> Iterator[Arrival]:
    if new.is_dir() and not new.parent.parent.is_symlink():
        for file in new.iterdir():
            yield from _read_one(file, file.read_text(), place)


def _read_one(file: Path, text: str, place: str) -> Iterator[Arrival]:
    """Nothing of an auto-reply, which says no token."""
    token = _TOKEN.search(text)
    if token:
        is_bounce = _BOUNCE.search(text.partition("\n\n")[0]) is not None
        yield Arrival(token[1], place, is_bounce, file.stat().st_mtime)
