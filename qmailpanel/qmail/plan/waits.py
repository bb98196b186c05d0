"""Names that wait until their domain is complete, and what waits for names.

A name may lead mail away from whoever has it until then: by a line for all names above, or by one
of its own. So it comes when its addresses are there, and what leads to it comes after it. A name
whose mail falls to such a line goes before its addresses do, and what leads to it goes before it.
Where both cannot be had, mail is delivered to either and refused by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.control import split_lines
from qmailpanel.qmail.formats.shared_files import LineFile, Shared
from qmailpanel.qmail.plan.draft import Draft, home_name, local_of
from qmailpanel.qmail.plan.hops import keys_of, targets_of
from qmailpanel.qmail.plan.state import HomeFound
from qmailpanel.qmail.plan.steps import TurnStep

Lines = Mapping[bytes, bytes]


@dataclass(frozen=True)
class Waits:
    """Keys of virtualdomains and of users/assign that do not come or go with the rest.

    `taken`: new names whose mail goes by another line until they come. `late`: those
    and the names of domains that the map does not have yet. `leading`: new assignments to homes
    that forward to those, or to what may turn. `idle` and `barring`: old and new assignments that
    refuse what somebody takes without them. `falling`: names whose mail goes by another line when
    they are gone. `unmapped`: names that go while the map has their addresses. `led`: assignments
    that go, to homes that forward.
    """

    taken: Set[bytes]
    late: Set[bytes]
    leading: Set[bytes]
    idle: Set[bytes]
    barring: Set[bytes]
    falling: Set[bytes]
    unmapped: Set[bytes]
    led: Set[bytes]


def find_waits(drafts: Sequence[Draft], virtual: LineFile) -> Waits:
    old = {key: line for draft in drafts for key, line in draft.old[Shared.VIRTUAL].items()}
    new = {key: line for draft in drafts for key, line in draft.new[Shared.VIRTUAL].items()}
    changed = {key for key, line in new.items() if old.get(key) != line}
    gone = old.keys() - new.keys()
    there = _keys_there(virtual) if changed or gone else set[bytes]()
    taken = {key for key in changed if not there.isdisjoint((key, *_above(key)))}
    late = taken | {key for d in drafts if not d.is_mapped for key in changed & _names(d.new)}
    after = (there - gone) | new.keys()
    falling = {key for key in gone if not after.isdisjoint(_above(key))}
    turning = new.keys() if any(draft.turn for draft in drafts) else late
    unmapped = {key for d in drafts if not d.stays_mapped for key in gone & _names(d.old)}
    return Waits(
        taken=taken,
        late=late,
        leading={key for d in drafts for key in _find_leading(d, taken, late, turning, new)},
        idle={key for d in drafts for key in _find_idle(d)},
        barring={key for d in drafts for key in _find_barring(d)},
        falling=falling,
        unmapped=unmapped,
        led={key for d in drafts for key in _find_led(d, falling, there)},
    )


def refuses_now(draft: Draft, step: TurnStep) -> bool:
    """Whether mail that shall go by this file is refused until then."""
    now = content_now(draft, step)
    return now is None or dotqmail.refuses(now)


def content_now(draft: Draft, step: TurnStep) -> bytes | None:
    """What decides about mail for this file until it turns."""
    return _default_now(draft) if step.before is None else step.before


def leads_to(content: bytes, names: Set[bytes], keys: Set[bytes]) -> bool:
    """Whether a dot-qmail file forwards to one of these names, of all that there are."""
    hosts = (keys_of(host) for _, host in targets_of(content))
    return any(next((key for key in host if key in keys), b"") in names for host in hosts)


def _keys_there(virtual: LineFile) -> set[bytes]:
    lines = split_lines(virtual.content or b"")
    return {*virtual.foreign.keys, *(line.partition(b":")[0] for line in lines)}


def _above(key: bytes) -> list[bytes]:
    return keys_of(key.decode("latin-1").removeprefix("."))[1:]


def _names(lines: Mapping[Shared, Lines]) -> Set[bytes]:
    return lines[Shared.VIRTUAL].keys()


def _find_leading(
    draft: Draft, taken: Set[bytes], late: Set[bytes], turning: Set[bytes], names: Lines
) -> Iterator[bytes]:
    """Not of a domain that nobody knows yet, nor where its new names would be refused.

    `turning`: names whose files may turn. Who has mail until now does not lose it to a file that
    refuses until it turns.
    """
    if not (turning and draft.is_mapped):
        return
    is_below = not taken.isdisjoint(_names(draft.new))
    for key, line in draft.new[Shared.ASSIGN].items() - draft.old[Shared.ASSIGN].items():
        home = draft.wanted.section.homes.get(draft.wanted.needs.get(key, ""))
        if home is None or not leads_to(home.dot_qmail, turning, names.keys()):
            continue
        is_refused = _is_refused_now(draft, key, line)
        is_led = leads_to(home.dot_qmail, late, names.keys())
        if not is_refused or (is_led and not is_below):
            yield key


def _find_led(draft: Draft, falling: Set[bytes], names: Set[bytes]) -> Iterator[bytes]:
    """Where somebody has its mail without it; what it forwards to may go."""
    for key, line in _going(draft):
        content, taken = _home_now(draft, line), _taken_without(draft, line)
        if content and dotqmail.forwards(content) and taken and not leads_to(taken, falling, names):
            yield key


def _going(draft: Draft) -> list[tuple[bytes, bytes]]:
    """The assignments that go, by key."""
    old, new = draft.old[Shared.ASSIGN], draft.new[Shared.ASSIGN]
    return [(key, old[key]) for key in old.keys() - new.keys()]


def _find_idle(draft: Draft) -> Iterator[bytes]:
    for key, line in _going(draft):
        content = _home_now(draft, line)
        if content and dotqmail.refuses(content) and _taken_without(draft, line) is not None:
            yield key


def _find_barring(draft: Draft) -> Iterator[bytes]:
    new, old = draft.new[Shared.ASSIGN], draft.old[Shared.ASSIGN]
    for key in new.keys() - old.keys():
        home = draft.wanted.section.homes.get(draft.wanted.needs.get(key, ""))
        refuses = home is not None and dotqmail.refuses(home.dot_qmail)
        if refuses and not _is_refused_now(draft, key, new[key]):
            yield key


def _taken_without(draft: Draft, line: bytes) -> bytes | None:
    """The dot-qmail file that shall take the mail of an assignment that goes."""
    files = draft.wanted.section.files
    own, default = _files_for(draft, line)
    content = files.get(own, files.get(default))
    return None if content is None or dotqmail.refuses(content) else content


def _is_refused_now(draft: Draft, key: bytes, line: bytes) -> bool:
    own, _ = _files_for(draft, line)
    there = draft.old[Shared.ASSIGN].get(key)
    content = _home_now(draft, there) if there else draft.tree.files.get(own, _default_now(draft))
    return not isinstance(content, bytes) or dotqmail.refuses(content)


def _home_now(draft: Draft, line: bytes) -> bytes | None:
    home = draft.tree.homes.get(f"{draft.wanted.name}/{home_name(line)}")
    content = home.dot_qmail if isinstance(home, HomeFound) else None
    return content if isinstance(content, bytes) else None


def _default_now(draft: Draft) -> bytes | None:
    content = draft.tree.files.get(f"{draft.wanted.name}/{dotqmail.file_name('default')}")
    return content if isinstance(content, bytes) else None


def _files_for(draft: Draft, line: bytes) -> tuple[str, str]:
    """The two that may decide about the address of an assignment without it."""
    names = (local_of(line).replace(".", ":"), "default")
    own, default = (f"{draft.wanted.name}/.qmail-{name}" for name in names)
    return own, default
