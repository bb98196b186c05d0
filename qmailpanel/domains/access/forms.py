"""What operators type about limits."""

from __future__ import annotations

from typing import Any

from django.forms.models import model_to_dict
from django.utils.translation import gettext_lazy as _

from qmailpanel.domains.models import Domain
from qmailpanel.web.edited import EditForm
from qmailpanel.web.fields import CountField, SizeField

from .limits import limits_of


def _limit(label: Any) -> CountField:
    return CountField(
        label=label,
        required=False,
        min_value=0,
        max_value=10_000_000,
        sentence=_("Enter a whole number, or leave it empty for no limit."),
    )


class LimitsForm(EditForm):
    """Blank is no limit."""

    ids = "limit_%s"

    mailboxes = _limit(_("Mailboxes"))
    aliases = _limit(_("Aliases"))
    destinations = _limit(_("Destinations of an alias"))
    pool = SizeField(blank=None, label=_("Storage of all mailboxes"))
    largest_quota = SizeField(blank=None, label=_("Largest quota of a mailbox"))
    default_quota = SizeField(blank=None, label=_("Quota of a new mailbox"))

    @classmethod
    def says(cls, row: Domain) -> dict[str, Any]:
        return model_to_dict(limits_of(row))
