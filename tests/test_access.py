"""Every route of the panel, asked by every kind of person."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from qmailpanel.accounts.access import Audience
from qmailpanel.aliases.services import add_alias
from qmailpanel.ledger.services import SYSTEM
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, Destination, LocalPart
from tests.passkeys import Key

ROOT = Path(__file__).parent.parent

# allauth's views cannot carry our decorator; each is listed here with the audience it has.
ALLAUTH = {
    "account_login": Audience.ANYONE,
    "account_logout": Audience.ANYONE,  # without a session it leads to the sign-in page
    "account_inactive": Audience.ANYONE,
    "account_reauthenticate": Audience.SIGNED_IN,
    "account_reset_password": Audience.ANYONE,
    "account_reset_password_done": Audience.ANYONE,
    "account_reset_password_from_key": Audience.ANYONE,
    "account_reset_password_from_key_done": Audience.ANYONE,
    "mfa_authenticate": Audience.ANYONE,  # whose password was right; all others are led away
    "mfa_login_webauthn": Audience.ANYONE,
    "mfa_reauthenticate": Audience.SIGNED_IN,
    "mfa_reauthenticate_webauthn": Audience.SIGNED_IN,
    "mfa_activate_totp": Audience.SIGNED_IN,
    "mfa_deactivate_totp": Audience.SIGNED_IN,
    "mfa_view_recovery_codes": Audience.SIGNED_IN,
    "mfa_generate_recovery_codes": Audience.SIGNED_IN,
    "mfa_add_webauthn": Audience.SIGNED_IN,
    "mfa_edit_webauthn": Audience.SIGNED_IN,
    "mfa_remove_webauthn": Audience.SIGNED_IN,
}
# what belongs to one person, and is nobody else's business, not even the operator's
PERSONAL = {"accounts:end_session", "mfa_edit_webauthn", "mfa_remove_webauthn"}


@dataclass(frozen=True)
class Route:
    """A view with its name and the names of what stands in its address."""

    name: str
    view: Any
    takes: tuple[str, ...]

    @property
    def audience(self) -> Audience | None:
        return getattr(self.view, "audience", None) or ALLAUTH.get(self.name)

    def __str__(self) -> str:
        return self.name


def routes() -> list[Route]:
    return list(walk(get_resolver().url_patterns, ""))


def walk(
    patterns: list[URLPattern | URLResolver], space: str, above: tuple[str, ...] = ()
) -> Iterator[Route]:
    for pattern in patterns:
        takes = (*above, *pattern.pattern.regex.groupindex)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from walk(pattern.url_patterns, space + inner, takes)
        else:
            yield Route(f"{space}{pattern.name}", pattern.callback, takes)


GUARDED = [route for route in routes() if route.audience is not Audience.ANYONE]
OPERATORS = [route for route in GUARDED if route.audience is Audience.OPERATOR]
SHARED = [route for route in GUARDED if route.audience is Audience.SIGNED_IN]
METHODS = ["get", "post"]
ANSWERED = {200, 302, 303, 405, 409, 422}


@pytest.fixture
def address_of(domain, colleague):
    """The address of a route, about something in the domain that colleague looks after."""
    session = UserSession.objects.create(user=colleague, ip="192.0.2.1", session_key="elsewhere")
    passkey = Key().belongs_to(colleague)
    mailbox = add_mailbox(SYSTEM, domain, LocalPart("biliards"))
    target = Destination("biliards@pandle.net")
    alias = add_alias(SYSTEM, domain, AliasLocal("bilardi"), [target])
    rows = {
        "mailboxes": mailbox,
        "aliases": alias,
        "accounts": session,
        "mfa_edit_webauthn": passkey,
    }
    rows["mfa_remove_webauthn"] = passkey

    def address(route: Route) -> str:
        row = rows.get(route.name.partition(":")[0])
        known = {"name": domain.name, "pk": row.pk if row else 1}
        return reverse(route.name, kwargs={taken: known[taken] for taken in route.takes})

    return address


def test_every_route_has_a_declared_audience():
    assert [route.name for route in routes() if route.audience is None] == []


def test_the_middleware_lets_strangers_through_to_the_views_for_anyone_alone():
    open_to_all = {route.name for route in routes() if route.audience is Audience.ANYONE}
    passed = {r.name for r in routes() if not getattr(r.view, "login_required", True)}
    assert passed == open_to_all


def test_the_list_of_foreign_routes_names_only_what_exists():
    assert set(ALLAUTH) <= {route.name for route in routes()}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_who_is_not_signed_in_is_led_to_the_sign_in_page(route, method, anonymous, address_of):
    address = address_of(route)
    answer = getattr(anonymous, method)(address)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in/")
    fragment = getattr(anonymous, method)(address, headers={"HX-Request": "true"})
    assert fragment["HX-Redirect"].partition("?")[0] == "/sign-in/"
    assert fragment.content == b""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", OPERATORS, ids=str)
def test_an_operators_page_does_not_exist_for_others(
    route, method, as_colleague, as_stranger, address_of
):
    for browser in (as_colleague, as_stranger):
        assert getattr(browser, method)(address_of(route)).status_code == 404


@pytest.mark.parametrize("route", [r for r in SHARED if r.takes], ids=str)
def test_somebody_elses_object_does_not_exist(route, as_stranger, address_of):
    address = address_of(route)
    answers = {getattr(as_stranger, m)(address, follow=True).status_code for m in METHODS}
    assert answers in ({404}, {404, 405})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", SHARED, ids=str)
def test_ones_own_object_exists(route, method, as_colleague, address_of):
    assert getattr(as_colleague, method)(address_of(route)).status_code in ANSWERED


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_everything_exists_for_the_operator(route, method, as_operator, address_of):
    # what only the sync service writes is not there, whoever asks
    is_absent = route.audience is Audience.OPERATOR and route.takes
    absent = {404} if is_absent or route.name in PERSONAL else set()
    assert getattr(as_operator, method)(address_of(route)).status_code in ANSWERED | absent


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("route", [r for r in SHARED if r.takes == ("name", "pk")], ids=str)
def test_an_address_is_not_found_through_another_domain(
    route, method, as_operator, address_of, other_domain
):
    address = address_of(route).replace("pandle.net", other_domain.name)
    assert getattr(as_operator, method)(address).status_code in (404, 405)


# the only door from a view to rows


DOORS = {"objects", "_default_manager", "_base_manager"}


def view_files() -> list[Path]:
    return sorted((ROOT / "qmailpanel").glob("*/*views.py"))


def other_doors(source: str) -> list[int]:
    """The lines that reach rows by another way than `objects.for_user(…)`."""
    tree = ast.parse(source)
    through = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "for_user"
    }
    return [
        getattr(node, "lineno", 0)
        for node in ast.walk(tree)
        if is_other_door(node, through) or is_bare_lookup(node)
    ]


def is_other_door(node: ast.AST, through: set[int]) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in DOORS and id(node) not in through
    return isinstance(node, ast.ImportFrom) and node.module == "django.db"


def is_bare_lookup(node: ast.AST) -> bool:
    """`get_object_or_404(Domain, …)`: a model instead of what the person may see."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    looks_up = node.func.id in ("get_object_or_404", "get_list_or_404")
    return looks_up and isinstance(node.args[0], ast.Name) and node.args[0].id[0].isupper()


@pytest.mark.parametrize("file", view_files(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_views_reach_rows_through_for_user_alone(file):
    assert other_doors(file.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "Domain.objects.all()",
        "Domain.objects.filter(name=name)",
        "get_object_or_404(Domain, name=name)",
        "Domain._default_manager.get()",
        "from django.db import connection",
    ],
)
def test_another_door_would_be_seen(line):
    assert other_doors(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        "get_object_or_404(Domain.objects.for_user(request.user), name=name)",
        "Domain.objects.for_user(request.user).filter(name=name)",
        "get_object_or_404(mine, pk=pk)",
    ],
)
def test_the_door_is_open(line):
    assert other_doors(line) == []
