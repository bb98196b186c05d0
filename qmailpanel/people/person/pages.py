"""The page of a person: what they may do in which domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import F, Q, QuerySet
from django.http import HttpResponse

from qmailpanel.accounts.access import PanelRequest
from qmailpanel.accounts.models import User
from qmailpanel.among import AMONG
from qmailpanel.domains.access.rights import Rights
from qmailpanel.domains.frame import notices
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.people.forms import GrantForm, RightsForm
from qmailpanel.people.granting import Granting
from qmailpanel.people.pages import describe_rights, shared
from qmailpanel.qmail.names import display_of, stored_of
from qmailpanel.qmail.numbers import HIGHEST_ROW, read_number
from qmailpanel.reports.statuses import Statuses
from qmailpanel.web.answers import show, wants
from qmailpanel.web.lists import Query, searched
from qmailpanel.web.notices import around


@dataclass(frozen=True)
class Row:
    """A domain that a person looks after. `is_open`: whoever looks may choose it."""

    grant: Grant
    is_open: bool
    is_ticked: bool

    @property
    def name(self) -> str:
        return display_of(self.grant.domain.name)

    @property
    def words(self) -> str:
        return describe_rights(self.grant.rights)


def person_page(
    request: PanelRequest,
    person: User,
    *,
    changing: RightsForm | None = None,
    adding: GrantForm | None = None,
    asking: Sequence[Domain] = (),
    why: str = "",
) -> HttpResponse:
    """All domains of a person that one may see, what they may do there, and the forms about it.

    `asking`: those in which all rights are taken away if whoever looks says yes.
    """
    query, user = _query(request), request.user
    granting = Granting(user)
    theirs = _grants_of(user, person, query.q)
    found = query.page_of(theirs, ("name", "pk"))
    chosen = set(request.POST.getlist("grant"))
    rows = [Row(one, _is_open(granting, one), str(one.pk) in chosen) for one in found.rows]
    listed = {**query.context(found), "person": person, "rows": rows}
    if wants(request, "list"):
        return show(request, "people/person.html#list", listed)
    mine = granting.everywhere()
    forms = [changing or _rights_form(found.rows, mine), adding or GrantForm(user=user, mine=mine)]
    context = {
        **around(notices(Statuses([]))),
        **listed,
        "total": shared(user, person).count(),
        "may_choose": any(row.is_open for row in rows),
        "may_grant": mine and person != user,
        "changing": forms[0],
        "adding": forms[1],
        "asking": asking,
        "why": why,
    }
    status = 422 if why or any(form.errors for form in forms) else 200
    return show(request, "people/person.html", context, status=status)


def _query(request: PanelRequest) -> Query:
    """A form sends along what the list it stands below was searched for."""
    query = Query.of(request)
    return replace(query, q=searched(request.POST["q"])) if "q" in request.POST else query


def _rights_form(grants: Sequence[Grant], mine: Rights) -> RightsForm:
    """What the person may do stands there already, where that is the same everywhere."""
    form = RightsForm(mine=mine)
    form.fields["preset"].initial = None
    if len({tuple(grant.rights) for grant in grants}) == 1:
        for name, said in RightsForm.says(grants[0]).items():
            form.fields[name].initial = said
    return form


def _grants_of(user: User, person: User, q: str) -> QuerySet[Grant]:
    theirs = shared(user, person).select_related("domain").annotate(name=F("domain__name"))
    return theirs.filter(Q(name__contains=q) | Q(name=stored_of(q))) if q else theirs


def _is_open(granting: Granting, grant: Grant) -> bool:
    """Anybody may leave; of others one takes what one may grant."""
    is_own = granting.person is not None and grant.user_id == granting.person.pk
    return is_own or granting.is_over(grant)


def ticked(request: PanelRequest, person: User) -> list[Domain]:
    """The domains that the sent page names, or all that may be chosen in its list."""
    theirs = _grants_of(request.user, person, _query(request).q)
    if request.POST.get("every") == "1":
        granting = Granting(request.user)
        return [one.domain for one in theirs if _is_open(granting, one)]
    numbers = (read_number(text, HIGHEST_ROW) for text in request.POST.getlist("grant"))
    keys = {number for number in numbers if number}
    return [one.domain for one in theirs.filter(**{f"pk{AMONG}": keys})]
