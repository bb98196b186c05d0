"""The settings of a domain: a page for each part, which the views of that part answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

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
from .forms import DescriptionForm, OwnersForm, RenameDomainForm, UnknownForm
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


@dataclass(frozen=True)
class Part:
    """A page of the settings; `is_private`: for operators, while the domain is not removed."""

    route: str
    title: Promise | str
    template: str = ""
    is_private: bool = False


GENERAL = Part("domains:settings", _("General"), "domains/settings.html")
UNKNOWN = Part("domains:unknown", _("Unknown recipients"), "domains/unknown.html")
NAMES = Part("domains:names", _("Names"), "domains/names.html")
LIMITS = Part("domains:limits", _("Limits"), "domains/limits.html")
OWNERS = Part("domains:owners", _("Owners"), "domains/owners.html", is_private=True)
REMOVE = Part("domains:remove", _("Remove"), is_private=True)
PARTS = (GENERAL, UNKNOWN, NAMES, LIMITS, OWNERS, REMOVE)


def part_context(request: PanelRequest, domain: Domain, part: Part) -> dict[str, Any]:
    """The context of domains/part.html."""
    is_open = request.user.is_operator and not domain.removed
    return {
        **domain_context(request, domain, "settings", Statuses([domain.pk])),
        "parts": [one for one in PARTS if is_open or not one.is_private],
        "part": part,
        "here": reverse(part.route, args=[domain.name]),
    }


def show_general(
    request: PanelRequest, domain: Domain, *, why: str = "", form: DescriptionForm | None = None
) -> HttpResponse:
    """What it is for, and whether it takes mail."""
    return _show(request, domain, GENERAL, why, form=form or DescriptionForm.of(domain))


def show_unknown(
    request: PanelRequest, domain: Domain, *, why: str = "", **forms: PanelForm
) -> HttpResponse:
    """Mail to who is not here, or is here no longer."""
    fates = Fates(request.user)
    forms = {"form": UnknownForm.of(domain), "responder_form": ResponderForm.of(domain), **forms}
    more = {
        "has_responder": has_responder(domain),
        "answers": answers_mail(),
        "hops": route_of_unknown(domain, fates),
        "unknown_remarks": remarks_on(unknown_targets(domain), fates, request.user),
        "departed_remarks": remarks_on(responses(domain), fates, request.user),
        "may_refuse": knows_recipients() or domain.unknown == Unknown.REFUSE,
    }
    return _show(request, domain, UNKNOWN, why, more, **forms)


def show_names(
    request: PanelRequest,
    domain: Domain,
    *,
    why: str = "",
    in_question: int | None = None,
    **forms: PanelForm,
) -> HttpResponse:
    """All names of the domain; `in_question`: one that can be removed all the same, and why not."""
    statuses = Statuses([domain.pk])
    more = {
        "names": [_name_row(statuses, one) for one in _further_names(domain)],
        "in_question": in_question,
        "pointed_to": why,
        **({"why": ""} if in_question else {}),
    }
    forms = {"name_form": AddAliasDomainForm(), "rename": RenameDomainForm(), **forms}
    return _show(request, domain, NAMES, why, more, **forms)


def show_limits(
    request: PanelRequest, domain: Domain, form: LimitsForm | None = None
) -> HttpResponse:
    """How much there may be, and is."""
    more = {
        "rooms": [(TITLES[kind], room_of(domain, kind)) for kind in Kind],
        "storage": storage_of(domain),
        "bytes": bytes_in(domain),
    }
    return _show(request, domain, LIMITS, more=more, limits_form=form or LimitsForm.of(domain))


def show_owners(
    request: PanelRequest, domain: Domain, form: OwnersForm | None = None
) -> HttpResponse:
    """What owners of mailboxes find on their pages."""
    if domain.removed:
        return show_general(request, domain, why=errors_of([form] if form else []))
    return _show(request, domain, OWNERS, owners_form=form or OwnersForm.of(domain))


def _show(
    request: PanelRequest,
    domain: Domain,
    part: Part,
    why: str = "",
    more: dict[str, Any] | None = None,
    **forms: PanelForm,
) -> HttpResponse:
    """The part, with a form that was not good or a reason why not."""
    if domain.removed:
        why = why or errors_of(forms.values())
    is_wrong = bool(why) or any(form.errors for form in forms.values())
    context = {**part_context(request, domain, part), "why": why, **(more or {}), **forms}
    return show(request, part.template, context, status=422 if is_wrong else 200)


def _further_names(domain: Domain) -> QuerySet[Claim]:
    return domain.names.aliases().select_related("domain").order_by("name")


def _name_row(statuses: Statuses, name: Claim) -> NameRow:
    shown, badge = display(name), name_badge(statuses, name)
    alabel = name.name if shown != name.name else ""
    return NameRow(name.pk, shown, alabel, badge, name.removed, refusal_of_name(name))
