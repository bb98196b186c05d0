"""What the web process must know of the host: prepends in use, names routed, foreign lines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.conf import settings
from django.db import transaction

from qmailpanel.domains.models import Claim, Domain
from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import Foreign, Shared
from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.layout.declared import as_name
from qmailpanel.qmail.plan.drift import as_text
from qmailpanel.reports.models import KnownHost, RoutedLine, SyncNode

from .any_text import any_text
from .host_notes import HostNotes
from .models import ForeignLine

SHOWN_LINES = 1_000  # foreign assignments on the operator page; an old host may have 100,000
NEAR = 10
NUMBERS_MEET = (
    "Lines that are not the panel's use prepends up to %(highest)d. If another program counts on "
    "from there, it meets the panel's own numbers: set QMAILPANEL_FIRST_PREPEND well above."
)
IS_LINK = "Mail is kept in %(real)s: %(named)s leads there."
NO_OWNERS = (
    "The sync service does not run as root, so it leaves the owner of files and directories as "
    "it is. That is right for trying the panel out, not for a real qmail."
)


class HostFacts:
    """Publishes them where they are news."""

    def __init__(self, host: Host, notes: HostNotes) -> None:
        self.host = host
        self.notes = notes
        self._published: object = None

    def publish(self) -> None:
        if not self.notes.files:
            return  # nothing could be read yet
        foreign = {shared: file.foreign for shared, file in self.notes.files.items()}
        locals_, known = self.host.read_locals(), self.host.memory.highest_prepend
        news = (locals_, known, *(lines.raws for lines in foreign.values()))
        if news == self._published:
            return
        with transaction.atomic():
            self._publish_node(foreign)
            _publish_known(known)
            _publish_routed_lines([*_local_names(locals_), *_routed_names(foreign[Shared.VIRTUAL])])
            _publish_foreign_lines(foreign.values())
        self._published = news

    def forget(self) -> None:
        """What was published is in another database."""
        self._published = None

    def _publish_node(self, foreign: Mapping[Shared, Foreign]) -> None:
        layout = self.host.layout
        directories = self.host.numbered_directories()
        numbers = {number for lines in foreign.values() for number in lines.prepends}
        SyncNode.objects.update_or_create(
            node=settings.QMAILPANEL_NODE,
            defaults={
                "note": " ".join(self._notes(_numbers_of_others(foreign) | directories)),
                "highest_prepend": max(numbers | directories, default=0),
                "knows_recipients": bool(layout.lists),
                "holds_quotas": bool(layout.deliverquota),
                "deliverquota": layout.deliverquota[:255],
                "answers_mail": bool(layout.mailbot),
            },
        )

    def _notes(self, numbers: set[int]) -> Iterator[str]:
        highest = max(numbers, default=0)
        if not self.host.may_change_owners:
            yield NO_OWNERS
        named, real = os.path.normpath(self.host.layout.mail_root), self.host.root.path
        if named != real:
            yield IS_LINK % {"named": named, "real": real}
        if highest >= settings.QMAILPANEL_FIRST_PREPEND - NEAR:
            yield NUMBERS_MEET % {"highest": highest}


def _numbers_of_others(foreign: Mapping[Shared, Foreign]) -> set[int]:
    """The prepends of foreign lines, but for lines of the panel's own that somebody edited."""
    with any_text():
        names = set(map(as_name, Claim.objects.filter(claims=True).values_list("name", flat=True)))
        ours = set(Domain.objects.values_list("prepend", flat=True))
    lines = foreign[Shared.VIRTUAL].raws
    others = [raw for raw in lines if as_text(control.virtual_key(raw)).lstrip(".") not in names]
    virtual = Foreign(Shared.VIRTUAL, tuple(others))
    return {*virtual.prepends, *(foreign[Shared.ASSIGN].prepends - ours)}


def _publish_known(highest: int) -> None:
    KnownHost.objects.update_or_create(
        node=settings.QMAILPANEL_NODE, defaults={"highest_prepend": highest}
    )


def _publish_routed_lines(lines: Sequence[RoutedLine]) -> None:
    RoutedLine.objects.filter(node=settings.QMAILPANEL_NODE).delete()
    RoutedLine.objects.bulk_create(lines, batch_size=1_000)


def _local_names(names: Iterable[tuple[int, bytes]]) -> Iterator[RoutedLine]:
    for number, name in names:
        yield _routed_line("control/locals", number, name.lower(), name)


def _routed_names(foreign: Foreign) -> Iterator[RoutedLine]:
    for number, raw in enumerate(foreign.raws, 1):
        key = control.virtual_key(raw)
        if key is not None:
            yield _routed_line(foreign.shared, number, control.routed_name(key), raw)


def _routed_line(file: str, number: int, name: bytes, line: bytes) -> RoutedLine:
    return RoutedLine(
        node=settings.QMAILPANEL_NODE,
        file=file,
        number=number,
        name=as_text(name)[:255],
        line=as_text(line)[:1024],
    )


def _publish_foreign_lines(files: Iterable[Foreign]) -> None:
    ForeignLine.objects.filter(node=settings.QMAILPANEL_NODE).delete()
    ForeignLine.objects.bulk_create(_foreign_lines(files), batch_size=1_000)


def _foreign_lines(files: Iterable[Foreign]) -> Iterator[ForeignLine]:
    for file in files:
        for number, raw in enumerate(file.raws[:SHOWN_LINES], 1):
            if raw.strip():
                yield ForeignLine(
                    node=settings.QMAILPANEL_NODE,
                    file=file.shared,
                    number=number,
                    line=as_text(raw)[:1024],
                )
