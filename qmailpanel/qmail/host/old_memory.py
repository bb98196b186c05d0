"""What versions before 2026-12 kept: of each domain one JSON text with its sections."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qmailpanel.qmail.formats.shared_files import Shared, keyed
from qmailpanel.qmail.plan.rounds import Rows, to_rows
from qmailpanel.qmail.plan.state import Home, Section


def read_old(domains: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Rows]]:
    """The rows of now, by domain. The first section was what was applied."""
    for name, text in domains:
        sections = [_section(json.loads(one)) for one in json.loads(text)]
        yield name, to_rows(dict(enumerate(sections)))


def _section(said: Mapping[str, Any]) -> Section:
    """Of an early version homes have no limits, and nothing has logins."""
    return Section(
        prepend=said["prepend"],
        lines={
            Shared(name): keyed(Shared(name), [line.encode("latin-1") for line in lines])
            for name, lines in said["lines"].items()
        },
        files={path: text.encode("latin-1") for path, text in said["files"].items()},
        homes={
            path: Home(mailbox, dot_qmail.encode("latin-1"), *limits)
            for path, (mailbox, dot_qmail, *limits) in said["homes"].items()
        },
        logins=tuple(said.get("logins", ())),
    )
