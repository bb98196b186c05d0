"""Forms made from rows: what somebody else saved meanwhile is not written over unseen."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from django.utils.translation import gettext as _

from qmailpanel.ledger.models import Change

from .fields import PanelForm


class EditForm(PanelForm):
    """`initial` is what the rows say now; the page sends back what they said when it was made.

    `change`: the newest change of the rows, where it is known.
    """

    change: Change | None = None

    @property
    def seen(self) -> str:
        """The same for the same rows."""
        return sha256(repr(sorted(self.initial.items())).encode()).hexdigest()[:16]

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self.data.get("seen", self.seen) != self.seen:
            self.add_error(None, " ".join(self._told()))

    def _told(self) -> Iterator[str]:
        if self.change:
            by = {"who": self.change.actor_name}
            yield _("%(who)s saved this while you had it open.") % by
        else:
            yield _("Somebody saved this while you had it open.")
        saved = "; ".join(f"{self[name].label}: {self._now(name)}" for name in self.changed_data)
        if saved:
            yield _("Saved is now: %(saved)s.") % {"saved": saved}
        yield _("Save again to write yours over it.")

    def _now(self, name: str) -> str:
        """What is saved of a field, in words."""
        field, value = self.fields[name], self[name].initial
        if isinstance(value, bool):
            return _("yes") if value else _("no")
        choices = dict(getattr(field, "choices", ()))
        words = value if isinstance(value, list) else [field.prepare_value(value)]
        said = ", ".join(str(choices.get(word, word)) for word in words if word not in (None, ""))
        return ", ".join(said.split("\n")) or _("nothing")
