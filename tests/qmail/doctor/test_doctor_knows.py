"""No trap is known to the doctor that no test plants."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from pkgutil import iter_modules

from django.core.management import get_commands

from qmailpanel.qmail import doctor
from qmailpanel.qmail.doctor import Trap
from tests.kit.sick import look, make_healthy
from tests.qmail.doctor.test_doctor import ROWS
from tests.qmail.doctor.test_doctor_machine import MACHINES, examine

# planted in tests of their own
BY_HAND = {
    "SHUT_ABOVE",
    "CLOSED",
    "STRANGERS",
    "UNREADABLE",
    "OF_DOMAIN",
    "OF_HOME",
    "SHORT_LOG",
    "WAY_SHUT",
    "LOGINS_SHUT",
    "LOGINS_UNREADABLE",
    "MAPS_WAY_SHUT",
    "MAPS_SHUT",
    "MAP_UNREADABLE",
    "NOT_MOUNTED",
}


def known() -> Iterator[tuple[str, Trap]]:
    for module in iter_modules(doctor.__path__):
        names = vars(importlib.import_module(f"{doctor.__name__}.{module.name}"))
        yield from ((name, one) for name, one in names.items() if isinstance(one, Trap))
        closed = names.get("CLOSED")
        yield from closed.items() if isinstance(closed, dict) else ()


def test_each_trap_is_planted_somewhere(tmp_path: Path) -> None:
    found = {finding.trap for host, *_ in MACHINES for finding in examine(host)}
    for number, (plant, *_) in enumerate(ROWS):
        home = make_healthy(tmp_path / str(number))
        plant(home)
        found |= {finding.trap for finding in look(home)}
    missing = {name for name, trap in known() if trap not in found}
    assert missing <= BY_HAND


def test_the_sentences_of_each_trap_can_be_filled() -> None:
    for name, trap in known():
        texts = [template % defaultdict(lambda: "x") for template in (trap.meaning, trap.remedy)]
        assert all(text.isprintable() for text in texts), name
        assert texts[0].endswith((".", "x")), name


def test_remedies_leave_to_the_page_what_commands_are_called_there() -> None:
    """Without its environment ./manage.py makes a state of its own, and examines another home."""
    said = [trap.remedy for _, trap in known()]
    assert not [remedy for remedy in said if "manage.py" in remedy]
    named = {name for remedy in said for name in re.findall(r"%\(command\)s (\w+)", remedy)}
    assert named == {"doctor"}
    assert named <= get_commands().keys()
