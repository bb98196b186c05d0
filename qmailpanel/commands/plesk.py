"""The syntax of Plesk's commands: `--verb object`, then options in single-dash spelling.

Their success lines are what scripts look at, so those stay as Plesk writes them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NoReturn

from django.core.management.base import BaseCommand

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.routes.pointers import StillPointedTo
from qmailpanel.environment.installed import command_name
from qmailpanel.ledger.actors import Refused
from qmailpanel.ledger.services import held_after
from qmailpanel.ledger.trigger import fifo_has_reader
from qmailpanel.qmail.names import InvalidName
from qmailpanel.qmail.plan.steps import printable
from qmailpanel.reports.statuses import Status, Statuses

PATIENCE = 10.0  # seconds that a command waits for Live
VERBS = {
    "--create": "create",
    "-c": "create",
    "--update": "update",
    "-u": "update",
    "--remove": "remove",
    "-r": "remove",
    "--rename": "rename",
    "--delete": "delete",
    "--info": "info",
    "-i": "info",
    "--list": "list",
    "-l": "list",
    "--on": "on",
    "--off": "off",
    "--suspend": "off",
}
NAMELESS = frozenset({"list"})
BARE = {"force", "json", "served-elsewhere"}  # options without a value
LABEL_WIDTH = 20
DJANGO_FLAGS = {"--traceback", "--no-color", "--force-color", "--skip-checks"}
DJANGO_OPTIONS = {"--settings", "--pythonpath", "--verbosity", "-v"}
TRUTHS = {"true": True, "false": False}


class Misuse(ValueError):
    """What the command cannot do, in one sentence."""


@dataclass
class Request:
    """What one command line asks for."""

    verb: str
    name: str
    options: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)

    @property
    def force(self) -> bool:
        """Remove also what others deliver to."""
        return self.flag("force") is True

    @property
    def is_served_elsewhere(self) -> bool:
        """A removed name refuses mail no longer."""
        return self.flag("served-elsewhere") is True

    def flag(self, option: str) -> bool | None:
        """The truth of an option; None where it is not given."""
        text = self.options.get(option)
        if text is None:
            return None
        if text.lower() not in TRUTHS:
            raise Misuse(f"The option -{option} is true or false.")
        return TRUTHS[text.lower()]


@dataclass(frozen=True)
class Syntax:
    """What a command knows. Options are known by their `-` spelling.

    `takes`: options with a meaning here. `ignores`: Plesk's that have none. `refuses`: Plesk's
    that a script cannot do without; each with the sentence that says what to do instead.
    `nameless`: verbs without a name behind them.
    """

    verbs: Iterable[str]
    takes: frozenset[str]
    ignores: frozenset[str] = frozenset()
    refuses: Mapping[str, str] = field(default_factory=dict)
    nameless: frozenset[str] = NAMELESS


def read_request(words: Sequence[str], syntax: Syntax) -> Request:
    """Parse the words after the command's name. Raises Misuse."""
    rest = list(words)
    _skip_django(rest)
    verb = VERBS.get(rest.pop(0)) if rest else None
    if verb is None or verb not in syntax.verbs:
        known = ", ".join(f"--{one}" for one in syntax.verbs)
        named = "" if syntax.nameless >= set(syntax.verbs) else ", and a name"
        raise Misuse(f"Say what to do, one of {known}{named}.")
    request = Request(verb, "")
    if verb not in syntax.nameless:
        if not rest or rest[0].startswith("-"):
            raise Misuse(f"Behind --{verb} a name is missing.")
        request.name = rest.pop(0)
    while _skip_django(rest):
        _read_option(request, rest, syntax)
    return request


def _skip_django(rest: list[str]) -> bool:
    """Drop the options of manage.py itself, in effect already; is anything left?"""
    while rest and rest[0].partition("=")[0] in DJANGO_FLAGS | DJANGO_OPTIONS:
        del rest[: 2 if rest[0] in DJANGO_OPTIONS else 1]
    return bool(rest)


def _read_option(request: Request, rest: list[str], syntax: Syntax) -> None:
    word = rest.pop(0)
    option = word.removeprefix("-").replace("_", "-")
    if option in syntax.refuses:
        raise Misuse(f"No {word} here. {syntax.refuses[option]}")
    if not word.startswith("-") or option not in syntax.takes | syntax.ignores:
        raise Misuse(f"Unknown option {word}.")
    if option in BARE:
        request.options[option] = "true"
        return
    if not rest:
        raise Misuse(f"The option {word} needs a value.")
    value = rest.pop(0)
    if option in syntax.takes:
        request.options[option] = value
    else:
        request.ignored.append(word)


class PleskCommand(BaseCommand):
    """A command in this syntax; its verbs are methods. The options are those of `Syntax`."""

    usage: ClassVar[str]
    takes: ClassVar[frozenset[str]]
    ignores: ClassVar[frozenset[str]] = frozenset()
    refuses: ClassVar[Mapping[str, str]] = {}
    nameless: ClassVar[frozenset[str]] = NAMELESS

    def verbs(self) -> Mapping[str, Callable[[Request], None]]:
        raise NotImplementedError  # each command has its own

    def run_from_argv(self, argv: list[str]) -> None:
        if {"--help", "-h"} & set(argv[2:3]):
            self.stdout.write(self.usage.replace("manage.py", command_name()))
            return
        try:
            self.obey(argv[2:])
        except StillPointedTo as refusal:
            self.fail(f"{refusal} Add -force to remove it all the same.")
        except (Misuse, Refused, InvalidName) as error:
            self.fail(str(error))

    def fail(self, sentence: str) -> NoReturn:
        """Nothing was done, or it was done and does not work: say why."""
        self.stderr.write(sentence)
        sys.exit(1)

    def obey(self, words: Sequence[str]) -> None:
        verbs = self.verbs()
        syntax = Syntax(verbs, self.takes, self.ignores, self.refuses, self.nameless)
        request = read_request(words, syntax)
        if request.ignored:
            self.notice(f"Ignored, without a meaning here: {', '.join(request.ignored)}.")
        verbs[request.verb](request)

    def notice(self, sentence: str) -> None:
        """For the person at the terminal; scripts read standard output."""
        self.stderr.write(sentence)

    def show(self, facts: Iterable[tuple[str, object]]) -> None:
        """`Label:   value` lines, as Plesk pads them."""
        for label, value in facts:
            text = str(value).lower() if isinstance(value, bool) else printable(str(value))
            self.stdout.write(f"{label + ':':<{LABEL_WIDTH}}{text}".rstrip())

    def finish(self, rows: Sequence[Domain | Address], sentence: str) -> None:
        """Wait until these rows are live, if that is to be expected, and say SUCCESS."""
        self.wait(rows)
        self.stdout.write(f"SUCCESS: {sentence}")

    def wait(self, rows: Sequence[Domain | Address]) -> None:
        """Wait until these rows are live, if that is to be expected."""
        if held_after() is not None:
            self.notice("Saved. It waits until the operator applies it.")
        elif not fifo_has_reader():
            self.notice(f"Saved. The next run of {command_name()} qmailsync applies it.")
        elif not _wait_for(rows):
            self.notice("Saved. The sync service has not applied it yet; it will.")


def _wait_for(rows: Sequence[Domain | Address]) -> bool:
    """Did all of them come live in time? A failure raises its sentence."""
    deadline = time.monotonic() + PATIENCE
    while not _are_settled(rows):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _are_settled(rows: Sequence[Domain | Address]) -> bool:
    statuses = Statuses(row.domain_id if isinstance(row, Address) else row.pk for row in rows)
    return {_status(statuses, row) for row in rows}.isdisjoint({Status.PENDING})


def _status(statuses: Statuses, row: Domain | Address) -> Status:
    """Failed is never returned: it is the command's end."""
    if isinstance(row, Address):
        status, problem = statuses.of_address(row), statuses.problem_of_address(row)
    else:
        status, problem = statuses.of_domain(row), statuses.problem_of_domain(row)
    if status is Status.FAILED:
        raise Misuse(str(problem or statuses.problems_of_host[0]))
    return status
