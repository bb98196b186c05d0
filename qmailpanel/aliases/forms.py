"""What people type about aliases."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Address, Domain
from qmailpanel.domains.targets import targets_of
from qmailpanel.qmail import names
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import PLAIN, DestinationsField, LocalField, PanelForm


def _destinations(label: Any, widget: forms.Widget) -> DestinationsField:
    return DestinationsField(
        label=label,
        widget=widget,
        error_messages={"required": _("Enter at least one address to deliver to.")},
    )


class AliasForm(EditForm):
    """Where an alias of `domain` delivers."""

    names_who = True

    destinations = _destinations(
        _("Delivers to"), forms.Textarea(attrs={**PLAIN, "rows": 4, "class": "mono"})
    )
    comment = forms.CharField(
        label=_("Comment"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, data: Any = None, *, domain: Domain, **options: Any) -> None:
        super().__init__(data, **options)
        field = self.within(domain.name).fields["destinations"]
        if isinstance(field.widget, forms.Textarea):
            field.help_text = gettext("One address a line, here or elsewhere.")

    @classmethod
    def says(cls, row: Address) -> dict[str, Any]:
        return {"destinations": "\n".join(targets_of(row)), "comment": row.comment}


class AddAliasForm(AliasForm):
    local = LocalField(
        names.AliasLocal,
        label=_("New alias"),
        widget=forms.TextInput(attrs={**PLAIN, "data-new": True}),
        error_messages={"required": _("Enter the part before the @.")},
    )
    destinations = _destinations(
        _("Delivers to"),
        forms.TextInput(attrs={**PLAIN, "placeholder": _("one or more addresses")}),
    )
    comment = None  # type: ignore[assignment]  # django's way to leave an inherited field out
    field_order = ("local", "destinations")


class FurtherForm(PanelForm):
    """One more alias of a mailbox, on its page."""

    local = LocalField(
        names.AliasLocal,
        label=_("New alias"),
        widget=forms.TextInput(attrs={**PLAIN, "data-new": True}),
        error_messages={"required": _("Enter the part before the @.")},
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="further_%s")

    def field_of(self, _field: str) -> str:
        """There is but one."""
        return "local"
