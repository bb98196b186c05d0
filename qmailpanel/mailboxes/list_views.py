"""The mailboxes of a domain, and the form that adds one."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from qmailpanel.accounts.access import Audience, PanelRequest, audience
from qmailpanel.domains.access.needs import needs
from qmailpanel.domains.access.rights import Right, may, shown_rights
from qmailpanel.domains.addresses.pages import (
    find_address,
    find_list,
    form_context,
    list_context,
    row_context,
    show_row,
)
from qmailpanel.domains.frame import domain_context
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import SeeOther, show, wants
from qmailpanel.web.attempt import attempt
from qmailpanel.web.fields import errors_of

from . import services
from .forms import AddMailboxForm
from .handover import hand_over
from .opening.suggest import known_words
from .pages import list_href

MAILBOX = Kind.MAILBOX
LIST = "mailboxes/list.html"


@audience(Audience.PERSON)
@needs(Right.ADDRESSES, seeing=True)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def list_mailboxes(request: PanelRequest, name: str) -> HttpResponse:
    domain, top = find_list(request, name, MAILBOX)
    if request.method == "POST":
        return _answer(request, domain)
    form = _empty_form(request, domain, focus=top is not None and not top.removed)
    part = "#list" if wants(request, "list") else ""
    return _list(request, domain, form, part=part, top=top)


def _list(
    request: PanelRequest,
    domain: Domain,
    form: AddMailboxForm,
    *,
    part: str = "",
    top: Address | None = None,
    status: int = 200,
) -> HttpResponse:
    why = errors_of([form]) if domain.removed else ""
    context = {**list_context(request, domain, MAILBOX, top), "form": form, "why": why}
    return show(request, f"{LIST}{part}", context, status=status)


def _empty_form(request: PanelRequest, domain: Domain, *, focus: bool) -> AddMailboxForm:
    """`?local=` is there already: whoever looked for an address may want it."""
    local = request.GET.get("local", "")
    form = AddMailboxForm().of_domain(domain, shown_rights(request.user, domain))
    form.fields["local"].initial = local
    form.fields["local"].widget.attrs["autofocus"] = focus or bool(local)
    return form


def _answer(request: PanelRequest, domain: Domain) -> HttpResponse:
    """To the form: a suggestion, the form again, or the new row with what to hand over."""
    rights = shown_rights(request.user, domain)
    if "suggest" in request.POST:
        typed = {name: request.POST.get(name, "") for name in ("local", "comment", "quota")}
        form = AddMailboxForm.suggesting(typed).of_domain(domain, rights)
        return _form_again(request, domain, form, 200)
    words = known_words(domain, request.POST.get("local", ""))
    form = AddMailboxForm(request.POST, words=words).of_domain(domain, rights)
    address = attempt(
        request, form, lambda actor: services.add_mailbox(actor, domain, **form.cleaned_data)
    ).result
    if address is None:
        return _form_again(request, domain, form, 422)
    return _added(request, domain, address)


def _added(request: PanelRequest, domain: Domain, address: Address) -> HttpResponse:
    done = f"{request.path}?top={address.pk}"
    if not wants(request, "add") and "suggested" not in request.POST:
        return SeeOther(done)
    hand = {"hand": hand_over(address, request.POST), "done": done}
    if not wants(request, "add"):
        frame = domain_context(request, domain, "mailboxes", Statuses([domain.pk]))
        return show(request, "mailboxes/added.html", frame | hand)
    context = row_context(request, address, request.path, new=True)
    context |= {**form_context(domain, MAILBOX, request.path), **hand}
    context |= {"form": _empty_form(request, domain, focus=True)}
    return show(request, f"{LIST}#added", context | {"may": may(request.user, domain)})


def _form_again(
    request: PanelRequest, domain: Domain, form: AddMailboxForm, status: int
) -> HttpResponse:
    if not wants(request, "add"):
        return _list(request, domain, form, status=status)
    context = {**form_context(domain, MAILBOX, request.path), "form": form}
    return show(request, f"{LIST}#add", context, status=status)


@audience(Audience.PERSON)
@require_GET
def row(request: PanelRequest, name: str, pk: int) -> HttpResponse:
    """The row again, when somebody decided to keep the mailbox."""
    address = find_address(request, name, MAILBOX, pk)
    return show_row(request, address, list_href(name))
