"""Traps that lie between files: where mail of a name goes. See qmail-send(8) and qmail-smtpd(8)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from qmailpanel.qmail.doctor.control_lists import Accepted, find_fault, spellings
from qmailpanel.qmail.doctor.examined import ExaminedHost
from qmailpanel.qmail.doctor.finding import LINES, Finding, Findings, Severity, Trap
from qmailpanel.qmail.formats import assign, control
from qmailpanel.qmail.names import gettext_noop
from qmailpanel.qmail.pause import Round

VIRTUAL = "control/virtualdomains"
LOCAL_TOO = Trap(
    gettext_noop("%(name)s is also in %(other)s, which wins: this line has no effect."),
    gettext_noop("Remove %(name)s from %(other)s and send HUP to qmail-send."),
)
REFUSED = Trap(
    gettext_noop("Mail for %(name)s is refused: no line of control/rcpthosts is about it."),
    gettext_noop("Add %(name)s to control/rcpthosts."),
)
GOES_OUT = Trap(
    gettext_noop(
        "Mail for %(name)s is accepted and sent on to the outside: it is in neither "
        "control/locals nor control/virtualdomains."
    ),
    gettext_noop(
        "Add it to control/virtualdomains and send HUP to qmail-send, or remove it here. "
        "For a backup of another host, say where to in control/smtproutes."
    ),
)
UNANSWERED = Trap(
    gettext_noop(
        "No assignment, user or file of the user alias takes mail of the prepend "
        "%(prepend)s: all mail for %(name)s bounces."
    ),
    gettext_noop("Add +%(prepend)s-:…:-:: to users/assign and run qmail-newu, or remove the line."),
    Severity.ALARM,
)


def find_locals(host: ExaminedHost) -> dict[bytes, str]:
    """The names that are qmail-send's own, and the file that says so: `me` where none does."""
    content = host.text("control/locals")
    if content is not None or "control/locals" in host.files:
        return {e.lower(): "control/locals" for _, e in control.entries(content or b"")}
    me = control.entries((host.text("control/me") or b"").partition(b"\n")[0])
    return {entry.lower(): "control/me" for _, entry in me}


def examine_routes(host: ExaminedHost) -> Findings:
    """Names that are accepted and not delivered, or delivered and not accepted."""
    virtual = list(_virtual_lines(host.text(VIRTUAL) or b""))
    ours, accepts = find_locals(host), Accepted(host)
    answers = yield from read_answers(host)
    for count, line in enumerate(virtual, start=1):
        yield from _examine_virtual(line, ours, accepts, answers)
        if count % LINES == 0:
            yield None
    yield from _find_going_out(host, accepts, [*ours, *(line.name for line in virtual)])


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    key: bytes
    prepend: bytes

    @property
    def name(self) -> bytes:
        return control.routed_name(self.key)


def _virtual_lines(content: bytes) -> Iterator[_Line]:
    for number, entry in control.entries(content):
        key, colon, prepend = entry.partition(b":")
        if colon and not find_fault(entry):
            yield _Line(number, key.lower(), prepend)


def _examine_virtual(
    line: _Line, ours: dict[bytes, str], accepts: Accepted, answers: Answers
) -> Iterator[Finding]:
    name = line.name
    if name in ours:
        yield LOCAL_TOO.at(VIRTUAL, line.number, name=name, other=ours[name])
    if not line.prepend:
        return  # a hole in a wider line: not virtual
    if name and not accepts.has(name) and not answers.is_empty(line.prepend.lower()):
        yield REFUSED.at(VIRTUAL, line.number, name=name)
    if not answers.takes(line.prepend.lower()):
        yield UNANSWERED.at(VIRTUAL, line.number, name=line.key or b"*", prepend=line.prepend)


def _find_going_out(host: ExaminedHost, accepts: Accepted, served: Sequence[bytes]) -> Findings:
    """Of `.dom` it is enough that some name below it is served."""
    routes = host.text("control/smtproutes") or b""
    routed = {entry.partition(b":")[0].lower() for _, entry in control.entries(routes)}
    known = {*served, *(r for r in routed if r)}
    below = sorted(name[::-1] for name in known)
    is_everything = b"" in served or b"" in routed
    for count, (name, (file, number)) in enumerate(accepts.numbers.items(), start=1):
        is_known = any(one in known for one in spellings(name))
        is_odd = find_fault(name) or not name.strip(b".") or name.startswith(b"[")
        if not (is_known or is_everything or is_odd or _has_below(name, below)):
            yield GOES_OUT.at(f"control/{file}", number, name=name)
        if count % LINES == 0:
            yield None


def _has_below(name: bytes, reversed_names: Sequence[bytes]) -> bool:
    if not name.startswith(b"."):
        return False
    begin = name[::-1]
    at = bisect_left(reversed_names, begin)
    return at < len(reversed_names) and reversed_names[at].startswith(begin)


class Answers:
    """Who takes the mail of a prepend: assignments, else qmail-getpw(8): users, else alias."""

    def __init__(self, host: ExaminedHost) -> None:
        self.wildcards: set[bytes] = set()
        self.starts: set[bytes] = set()  # of names with a dash, all that ends at one
        self.inhabited: set[bytes] = set()  # the same of simple assignments alone
        self.is_account: Callable[[str], bool] = host.is_account
        self.alias = frozenset(host.alias) if host.alias is not None else frozenset[str]()

    def add(self, key: bytes) -> None:
        """An assignment by its key."""
        starts = set(_starts(key))
        self.starts |= starts
        if key.startswith(b"+"):
            self.wildcards.add(key[1:])
        else:
            self.inhabited |= starts

    def takes(self, prepend: bytes) -> bool:
        """Whether any name that begins with the prepend and a dash may be delivered."""
        begin = prepend + b"-"
        if any(begin[:length] in self.wildcards for length in range(len(begin) + 1)):
            return True
        if begin in self.starts:
            return True
        text = prepend.decode("ascii", "replace")
        return self._is_for_user(text) or self._is_for_alias(text.replace(".", ":"))

    def is_empty(self, prepend: bytes) -> bool:
        """Whether it is of a domain of the panel that is off or removed: it only refuses."""
        if control.is_refused(prepend):
            return True
        begin = prepend + b"-"
        return begin in self.wildcards and begin not in self.inhabited

    def _is_for_user(self, prepend: str) -> bool:
        """The longest user name wins that ends at a dash; so any will do."""
        parts = prepend.split("-")
        names = ("-".join(parts[:count]) for count in range(len(parts), 0, -1))
        return any(name and len(name) < 33 and self.is_account(name) for name in names)

    def _is_for_alias(self, prepend: str) -> bool:
        begin = f"{prepend}-"
        return any(_begins_with(file.removeprefix(".qmail-"), begin) for file in self.alias)


def _starts(key: bytes) -> Iterator[bytes]:
    at = key.find(b"-")
    while at >= 0:
        yield key[1 : at + 1]
        at = key.find(b"-", at + 1)


def read_answers(host: ExaminedHost) -> Round[Answers]:
    """What the assignments, users and files of a host answer."""
    answers = Answers(host)
    for count, line in enumerate(control.split_lines(host.text("users/assign") or b""), start=1):
        if line.startswith(b"."):
            break
        if line.count(b":") >= assign.COLONS:
            answers.add(assign.line_key(line))
        if count % LINES == 0:
            yield
    return answers


def _begins_with(extension: str, begin: str) -> bool:
    if extension.startswith(begin):
        return True
    rest = extension.removesuffix("default")
    return rest != extension and begin.startswith(rest)
