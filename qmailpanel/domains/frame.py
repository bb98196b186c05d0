"""What stands around every page: the banner, the pulse, and what each row says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils.cache import patch_vary_headers
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from qmailpanel.accounts.access import PanelRequest, View
from qmailpanel.ledger.models import SyncNode, SyncProblem
from qmailpanel.ledger.services import Status, Statuses, find_node, is_alive
from qmailpanel.qmail import names

from .models import Address, Domain, DomainName, Grant
from .rights import Right, in_order, in_words, read_rights, shown_rights
from .templatetags.panel import icon

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User

WORDS = {
    Status.PENDING: gettext_lazy("Pending"),
    Status.LIVE: gettext_lazy("Live"),
    Status.FAILED: gettext_lazy("Failed"),
    Status.REMOVED: gettext_lazy("Removed"),
}
UNSETTLED = (Status.PENDING, Status.FAILED)
WAITING, FAILED = "waiting", "failed"  # tones of a notice
FIRST_WAIT, LAST_WAIT = 100, 5000  # ms between two looks of the pulse


class SeeOther(HttpResponseRedirect):
    """The answer to a good POST: look there. See RFC 9110, 15.4.4."""

    status_code = 303


@dataclass(frozen=True, slots=True)
class Badge:
    """The status of a row as it is shown; `key` names the row within the page."""

    key: SafeString
    status: Status
    why: str = ""

    @property
    def is_unsettled(self) -> bool:
        """Pending, or failed and tried again: the pulse goes on until it is neither."""
        return self.status in UNSETTLED

    @property
    def is_address(self) -> bool:
        """Then the row has a place for the reason why."""
        return self.key.startswith("a")

    @property
    def mark(self) -> SafeString:
        """Icon and word; while unsettled it names itself to the pulse. Every row has it."""
        return self._span("")

    @property
    def moved(self) -> SafeString:
        """The mark, to be swapped for the one the page shows."""
        return self._span(' hx-swap-oob="true"')

    def _span(self, attributes: str) -> SafeString:
        name = f'id="status-{self.key}" class="status {self.status}"{attributes}'
        face = _face(self.status, get_language())
        return SafeString(f"<span {name}>{face}{self._to_pulse()}</span>")

    def _to_pulse(self) -> str:
        if not self.is_unsettled:
            return ""
        return f'<input type="hidden" class="waiting" name="{self.status}" value="{self.key}">'


@cache
def _face(status: Status, _language: str | None) -> SafeString:
    return format_html("{}{}", icon(status), WORDS[status])


@dataclass(frozen=True, slots=True)
class Notice:
    """A banner: what it means for mail and what happens next; the cause is for operators.

    Of long work also how many of its steps are done. `route`: the operator's page that says more,
    and what its link says. `is_private`: the whole of it is for operators.
    """

    tone: str
    text: str
    cause: str = ""
    done: int = 0
    total: int = 0
    route: str = ""
    link: str = ""
    is_private: bool = False


def address_key(address: Address) -> SafeString:
    return SafeString(f"a{address.pk:d}")


def domain_key(domain: Domain) -> SafeString:
    return SafeString(f"d{domain.pk:d}")


def address_badge(statuses: Statuses, address: Address) -> Badge:
    status = statuses.of_address(address)
    problem = statuses.problem_of_address(address) if status is Status.FAILED else None
    own = problem if problem and problem.address == address.pk else None
    return _badge(address_key(address), status, own)


def domain_badge(statuses: Statuses, domain: Domain) -> Badge:
    return _badge(domain_key(domain), statuses.of_domain(domain), None)


def name_badge(statuses: Statuses, name: DomainName) -> Badge:
    return _badge(SafeString(f"n{name.pk:d}"), statuses.of_name(name), None)


def _badge(key: SafeString, status: Status, problem: SyncProblem | None) -> Badge:
    return Badge(key, status, problem.text if problem else "")


def notices(statuses: Statuses, domain: Domain | None = None) -> list[Notice]:
    """What concerns more than one row of this page: the service, the host, the domain."""
    problems = list(statuses.problems_of_host)
    if domain:
        problems += [one for one in statuses.problems_of_domain(domain) if one.address is None]
    is_waiting = domain is None or statuses.of_domain(domain) is Status.PENDING
    return tell(problems, find_node(), is_waiting=is_waiting)


def tell(
    problems: Iterable[SyncProblem], node: SyncNode | None, *, is_waiting: bool = True
) -> list[Notice]:
    """The banner's words. `is_waiting`: long work of the service may concern what is shown."""
    failed = [Notice(FAILED, problem.text, problem.cause) for problem in problems]
    return [*_of_service(node, is_waiting=is_waiting), *failed, *_for_operators(node)]


def _of_service(node: SyncNode | None, *, is_waiting: bool) -> Iterator[Notice]:
    if node is None or not is_alive(node):
        yield _waiting()
        return
    if node.holding:
        yield _holding()
    if node.total and is_waiting:
        yield _working(node.done, node.total)


def _working(done: int, total: int) -> Notice:
    text = _("Saved, and being made live: %(done)s of %(total)s steps are done.")
    counts = (number_format(count, force_grouping=True) for count in (done, total))
    named = dict(zip(("done", "total"), counts, strict=True))
    return Notice(WAITING, text % named, done=done, total=total)


def _holding() -> Notice:
    text = _("Saved, waiting: the operator looks at changes and applies them together.")
    return Notice(WAITING, text, route="sync:page", link=_("Look at the plan and apply it"))


def _for_operators(node: SyncNode | None) -> Iterator[Notice]:
    if node and node.drifts:
        yield _drift(node.drifts)
    if node and node.alarms:
        yield _alarm()


def _drift(count: int) -> Notice:
    text = ngettext(
        "Somebody changed a line or file of the panel's on the host. It stays so until you decide.",
        "Somebody changed %(count)d lines or files of the panel's on the host."
        " They stay so until you decide.",
        count,
    )
    said, link = text % {"count": count}, _("Decide on it")
    return Notice(WAITING, said, route="sync:host", link=link, is_private=True)


def _alarm() -> Notice:
    text = _("The doctor found what makes this host lose, refuse or relay mail.")
    link = _("See what, and the remedy")
    return Notice(FAILED, text, route="sync:doctor", link=link, is_private=True)


def _waiting() -> Notice:
    text = _("Saved, waiting: the sync service is not running.")
    then = _("What is live stays live; changes become live when it runs again.")
    return Notice(WAITING, f"{text} {then}", _("Start it with: ./manage.py qmailsync"))


def around(found: Iterable[Notice], *, wait: int = 0) -> dict[str, Any]:
    """The context of components/around.html; the pulse sleeps unless there is a wait."""
    shown = list(found)
    key = crc32(repr(shown).encode())
    return {"notices": shown, "notices_key": f"{key:x}", "pulse": wait}


def domain_page(
    request: PanelRequest, domain: Domain, tab: str, statuses: Statuses
) -> dict[str, Any]:
    """The context of domains/page.html; `may`: what the person may do with the domain."""
    badge = domain_badge(statuses, domain)
    return {
        **around(notices(statuses, domain), wait=FIRST_WAIT if badge.is_unsettled else 0),
        "domain": domain,
        "display": display(domain),
        "retention": settings.QMAILPANEL_RETENTION_DAYS,
        "domain_badge": badge,
        "tab": tab,
        "may": dict.fromkeys(in_order(shown_rights(request.user, domain)), True),
    }


def needs(*rights: Right, seeing: bool = False) -> Callable[[View], View]:
    """Declare the rights that a view of a domain needs; without them the answer is 403.

    `seeing`: looking needs none of them. The services ask again, in their transaction.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: PanelRequest, name: str, *args: Any, **kwargs: Any) -> Any:
            is_free = seeing and request.method in ("GET", "HEAD")
            if not is_free and not _has_rights(request.user, name, set(rights)):
                why = _("You may not %(what)s here.") % {"what": in_words(rights)}
                return render(request, "403.html", {"why": why}, status=403)
            return view(request, name, *args, **kwargs)

        guarded.rights = frozenset(rights)  # type: ignore[attr-defined]  # as `audience`
        guarded.seeing = seeing  # type: ignore[attr-defined]
        return cast(View, guarded)

    return declare


def _has_rights(user: User, name: str, rights: set[Right]) -> bool:
    """True also for a domain that the person does not look after: the view answers 404."""
    if user.is_operator:
        return True
    grants = list(Grant.objects.filter(user=user, domain__name=name))
    return not grants or any(rights <= read_rights(grant.rights) for grant in grants)


def find_domain(request: PanelRequest, name: str) -> Domain:
    """The person's domain of that name; 404 if it is somebody else's."""
    mine = Domain.objects.for_user(request.user).select_related("limits")
    return get_object_or_404(mine, name=name, names__name=name, names__claims=True)


def display(domain: Domain | DomainName) -> str:
    """The name as people write it."""
    return names.DomainName(domain.name).display


def wants(request: PanelRequest, target: str) -> bool:
    """Did htmx ask for that part of the page, and not for the page?"""
    return bool(request.htmx) and request.htmx.target == target


def lead(request: PanelRequest, address: str) -> HttpResponse:
    """Lead the window there after a good POST, whoever sent it."""
    return HttpResponseClientRedirect(address) if request.htmx else SeeOther(address)


def sent(request: PanelRequest) -> QueryDict | None:
    """What was typed; none when a form is looked at for the first time."""
    return request.POST if request.method == "POST" else None


def show(
    request: PanelRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page, or with `#part` in the template's name a part of it."""
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response
