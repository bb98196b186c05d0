"""Forms made from rows: what somebody else saved meanwhile is not written over unseen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Self

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from qmailpanel.ledger.services import ledger_locked

from .fields import PanelForm


class Outdated(Exception):
    """The rows are not as they were when the form was made; it says so itself."""


class EditForm(PanelForm):
    """`initial` is what the row says now; the page sends back what it said when it was made.

    `row`: what the form was made from; none where it makes one. `names_who`: who saved meanwhile is
    told.
    """

    row: Any = None
    ids = "id_%s"
    names_who = False

    @classmethod
    def says(cls, row: Any) -> dict[str, Any]:
        """What the row, and the rows beside it, say of each field."""
        raise NotImplementedError  # each form made from rows has its own

    @classmethod
    def of(cls, row: Any, data: Any = None, **options: Any) -> Self:
        """The form as the row is now, or with what was typed."""
        form = cls(data, initial=cls.says(row), auto_id=cls.ids, **options)
        form.row = row
        return form

    @property
    def seen(self) -> str:
        """The same for the same rows."""
        return sha256(repr(sorted(self.initial.items())).encode()).hexdigest()[:16]

    def full_clean(self) -> None:
        super().full_clean()
        if self.is_bound and self.data.get("seen", self.seen) != self.seen:
            self.add_error(None, " ".join(self._told()))

    @contextmanager
    def held(self) -> Iterator[None]:
        """The transaction of the service that saves it: nobody else saves meanwhile.

        Raises Outdated where somebody did after the form was looked at.
        """
        with ledger_locked():
            if not self._is_unchanged():
                self._look_again()
            yield

    def _is_unchanged(self) -> bool:
        """As the number of its newest change tells at once, where it has one."""
        change = getattr(self.row, "change_id", None)
        return change is not None and self._row_now().filter(change=change).exists()

    def _look_again(self) -> None:
        self.row = self._row_now().get()
        self.initial = self.says(self.row)
        self.full_clean()
        if self.errors:
            raise Outdated

    def _row_now(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = type(self.row).objects.filter(pk=self.row.pk)
        return rows

    def _told(self) -> Iterator[str]:
        if self.names_who:
            by = {"who": self.row.change.actor_name}
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
