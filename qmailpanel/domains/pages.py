"""The settings page of a domain, which several views answer with."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpResponse

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.reports.node import answers_mail, knows_recipients
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show
from qmailpanel.web.badges import Badge, name_badge
from qmailpanel.web.fields import PanelForm, errors_of

from .access.forms import LimitsForm
from .access.limits import TITLES, room_of, storage_of
from .departed.forms import ResponderForm
from .departed.services import has_responder
from .forms import OwnersForm, RenameDomainForm, SettingsForm
from .frame import display, domain_context
from .fullness import bytes_in
from .models import Claim, Domain, Kind, Unknown
from .names.forms import AddAliasDomainForm
from .names.refusals import Refusal, refusal_of_name
from .routes.fates import Fates
from .routes.hops import responses, unknown_targets
from .routes.picture import route_of_unknown
from .routes.remarks import remarks_on


@dataclass(frozen=True, slots=True)
class NameRow:
    """An alias domain as the settings page shows it."""

    pk: int
    display: str
    alabel: str
    badge: Badge
    removed: bool
    refusal: Refusal | None


def settings_page(
    request: PanelRequest,
    domain: Domain,
    *,
    why: str = "",
    asked: int | None = None,
    **forms: PanelForm,
) -> HttpResponse:
    """The page, with a form that was not good or a reason why not.

    `asked`: the alias domain that can be removed all the same; the reason stands beside it.
    """
    statuses = Statuses([domain.pk])
    if domain.removed:
        why = why or errors_of(form for name, form in forms.items() if name != "form")
    fates = Fates(request.user)
    context = {
        **domain_context(request, domain, "settings", statuses),
        "form": SettingsForm.of(domain),
        "name_form": AddAliasDomainForm(),
        "rename": RenameDomainForm(),
        "limits_form": LimitsForm.of(domain),
        "owners_form": OwnersForm.of(domain),
        "responder_form": ResponderForm.of(domain),
        "has_responder": has_responder(domain),
        "answers": answers_mail(),
        "rooms": [(TITLES[kind], room_of(domain, kind)) for kind in Kind],
        "storage": storage_of(domain),
        "bytes": bytes_in(domain),
        "names": [_name_row(statuses, one) for one in _further_names(domain)],
        "hops": route_of_unknown(domain, fates),
        "unknown_remarks": remarks_on(unknown_targets(domain), fates, request.user),
        "departed_remarks": remarks_on(responses(domain), fates, request.user),
        "may_refuse": knows_recipients() or domain.unknown == Unknown.REFUSE,
        "why": "" if asked else why,
        "asked": asked,
        "pointed_to": why,
        **forms,
    }
    is_wrong = bool(why) or any(form.errors for form in forms.values())
    return show(request, "domains/settings.html", context, status=422 if is_wrong else 200)


def _further_names(domain: Domain) -> QuerySet[Claim]:
    return domain.names.aliases().select_related("domain").order_by("name")


def _name_row(statuses: Statuses, name: Claim) -> NameRow:
    shown, badge = display(name), name_badge(statuses, name)
    alabel = name.name if shown != name.name else ""
    return NameRow(name.pk, shown, alabel, badge, name.removed, refusal_of_name(name))
