"""Of which domains a memory that was lost cannot say where they stand."""

from __future__ import annotations

from collections.abc import Sequence

from qmailpanel.qmail.host.mail_host import Host
from qmailpanel.qmail.plan.state import Wanted
from qmailpanel.qmail.plan.steps import Failed

from .recall import recall


class Doubts:
    """The causes, until they are mended.

    To recall is to read every home of the host: while a doubt lasts, only a run over the whole
    host does it again, and not each change.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self._causes = dict[int, str]()

    def __bool__(self) -> bool:
        return bool(self._causes)

    def forget(self) -> None:
        """Recall again."""
        self._causes = {}

    def of(self, wanted: Sequence[Wanted]) -> Failed:
        """Of these domains; where no doubt is known yet, after a recall."""
        if not self._causes:
            causes = recall(self.host, wanted)
            self._causes = {one.domain: causes[one.name] for one in wanted if one.name in causes}
        return {one.name: self._causes[one.domain] for one in wanted if one.domain in self._causes}
