"""Where mail goes on from a dot-qmail file, and by what was applied to whom it comes then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from qmailpanel.qmail.formats import assign, dotqmail
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.plan.state import Section

Target = tuple[str, str]  # a local part and a name, in lower case


def targets_of(content: bytes) -> Iterator[Target]:
    """To whom a dot-qmail file forwards."""
    for instruction in dotqmail.parse(content):
        if isinstance(instruction, dotqmail.Forward):
            local, _, name = instruction.text.decode("latin-1").lower().rpartition("@")
            yield local, name


def keys_of(name: str) -> list[bytes]:
    """What qmail-send looks for in virtualdomains, in this order: the name, then those above."""
    labels = name.split(".")
    above = ("." + ".".join(labels[start:]) for start in range(1, len(labels)))
    return [key.encode("latin-1") for key in (name, *above)]


class Hops:
    """From one dot-qmail file to the next, by what was applied.

    `owners`: keys of virtualdomains by domain. `find_sections`: what was applied for a domain.
    """

    def __init__(
        self, owners: Mapping[bytes, str], find_sections: Callable[[str], Sequence[Section]]
    ) -> None:
        self._owners = owners
        self._find_sections = find_sections

    def names_reached(self, targets: Iterable[Target]) -> set[str]:
        """The names that mail to the targets is for, on all its way."""
        seen = set(targets)
        reached = list(seen)
        while reached:
            following = set(self._next_targets(*reached.pop())) - seen
            seen |= following
            reached += following
        return {name for _, name in seen}

    def _next_targets(self, local: str, name: str) -> Iterator[Target]:
        domain = next((self._owners[key] for key in keys_of(name) if key in self._owners), None)
        for section in self._find_sections(domain) if domain else ():
            yield from targets_of(_find_content(domain or "", section, local))


def _find_content(domain: str, section: Section, local: str) -> bytes:
    """The dot-qmail file that decides about a local part; empty where there is none."""
    key = f"={section.prepend}-{local}".encode("latin-1")
    line = section.lines.get(Shared.ASSIGN, {}).get(key)
    if line:
        path = b"/".join(assign.home_of(line).split(b"/")[-2:]).decode("latin-1")
        return section.homes[path].dot_qmail if path in section.homes else b""
    names = (local.replace(".", ":"), "default")
    files = (section.files.get(f"{domain}/.qmail-{name}") for name in names)
    return next((content for content in files if content is not None), b"")
