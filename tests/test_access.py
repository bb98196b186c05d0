"""Every route of the panel, asked by every kind of person."""

from __future__ import annotations

import ast
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from qmailpanel.accounts.access import Audience
from qmailpanel.accounts.models import User
from qmailpanel.aliases.services import add_alias
from qmailpanel.domains.access.rights import ALL, Preset, Right, Rights, in_order
from qmailpanel.domains.models import Domain, Grant
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import Change
from qmailpanel.mailboxes.owners import owner_of
from qmailpanel.mailboxes.services import add_mailbox
from qmailpanel.qmail.names import AliasLocal, LocalPart, MailAddress
from qmailpanel.sync.models import DriftDecision
from tests.kit.routes import (
    ALLAUTH,
    ROUTES,
    Route,
    address_of,
    make_person,
    make_rows,
    of_person,
    routes,
)

ROOT = Path(__file__).parents[1]

# what belongs to one person: to the operator if that is who asks, else to the one with all rights
PERSONAL = {"accounts:end_session", "mfa_edit_webauthn", "mfa_remove_webauthn"}
OWN = {"find:route", "people:prove", "people:withdraw_request", *PERSONAL}


GUARDED = [route for route in ROUTES if route.audience is not Audience.ANYONE]
METHODS = ["get", "head", "post", "put", "delete"]
HTMX = {"HX-Request": "true", "HX-Target": "panel"}
ANSWERED = {200, 302, 303, 405, 409, 422}
SIGN_IN = "/sign-in/"

PRESETS = {"full": Preset.FULL, "mailboxes": Preset.MAILBOXES, "help desk": Preset.HELP_DESK}
STRANGERS = [f"{preset} elsewhere" for preset in PRESETS]
KINDS = ["anonymous", "invited", "operator", *PRESETS, *STRANGERS, "removed", "owner"]


@pytest.fixture
def rows(domain):
    return make_rows(domain)


@pytest.fixture
def ask_as(rows, domain, other_domain, operator):
    """A browser of one kind of person."""

    def browser(kind: str) -> Client:
        client = Client()
        if kind == "invited":
            client.get(rows["link"].removeprefix(settings.QMAILPANEL_BASE_URL))
        elif kind == "operator":
            client.force_login(operator)
        elif kind == "owner":
            client.force_login(owner_of(rows["mailboxes"].mailbox), backend=BACKEND)
        elif kind != "anonymous":
            sign_in_with_grant(client, kind, domain, other_domain)
        asker = User.objects.get(email="full@example.org") if kind == "full" else operator
        rows.update(of_person(asker))
        return client

    return browser


BACKEND = "qmailpanel.mailboxes.owners.MailboxBackend"


def sign_in_with_grant(client: Client, kind: str, domain: Domain, other: Domain) -> None:
    place = other if kind.endswith("elsewhere") else domain
    preset = PRESETS.get(kind.removesuffix(" elsewhere"), Preset.FULL)
    person = make_helper(f"{kind.replace(' ', '-')}@example.org", place, preset.rights)
    client.force_login(person)
    assert client.get(f"/domains/{place}/mailboxes/").status_code == 200
    if kind == "removed":
        person.grants.all().delete()


def expected(route: Route, kind: str, method: str) -> set[int]:
    """The statuses that are right."""
    if kind in ("anonymous", "invited"):
        return {302}
    wanted = route.audience
    if route.name in PERSONAL and kind not in ("operator", "full"):
        return {404, 405}
    if wanted is Audience.SIGNED_IN or (kind == "operator" and wanted is not Audience.OWNER):
        return ANSWERED
    if wanted is not (Audience.OWNER if kind == "owner" else Audience.PERSON):
        return {404}
    if not route.takes or kind == "owner":
        return ANSWERED
    if route.name in OWN:
        return ANSWERED if kind == "full" else {404, 405}
    if kind not in PRESETS:
        return {404, 405}
    return expected_of(PRESETS[kind].rights, route, method)


def expected_of(held: Rights, route: Route, method: str) -> set[int]:
    """The statuses that are right for whoever looks after the domain with these rights."""
    return ANSWERED if route.rights <= held or route.is_seen_without(method) else {403}


def test_every_route_has_a_declared_audience():
    assert [route.name for route in routes() if route.audience is None] == []


def test_the_middleware_lets_strangers_through_to_the_views_for_anyone_alone():
    open_to_all = {route.name for route in routes() if route.audience is Audience.ANYONE}
    passed = {r.name for r in routes() if not getattr(r.view, "login_required", True)}
    assert passed == open_to_all


# whoever looks after a domain sees these; what those of people change, their services decide about
NEED_NO_RIGHT = {
    "activity:domain",
    "activity:export_domain",
    "aliases:row",
    "domains:detail",
    "domains:limits",
    "domains:list",
    "domains:names",
    "find:ask",
    "find:page",
    "find:route",
    "mailboxes:access",
    "mailboxes:full",
    "mailboxes:removed_anywhere",
    "mailboxes:removed",
    "mailboxes:row",
    "people:add",
    "people:change",
    "people:list",
    "people:person",
    "people:prove",
    "people:requests",
    "people:revoke",
    "people:withdraw",
    "people:withdraw_request",
    "today:nowhere",
}


# and each of these needs just one
NEEDED = {
    Right.PASSWORDS: {
        "mailboxes:app_passwords",
        "mailboxes:link",
        "mailboxes:password",
        "mailboxes:remove_app_password",
        "mailboxes:remove_second_factor",
    },
    Right.SWITCHING: {"aliases:switch", "mailboxes:switch", "mailboxes:switches"},
    Right.ADDRESSES: {
        "aliases:detail",
        "aliases:further",
        "aliases:list",
        "aliases:remove",
        "aliases:rename",
        "aliases:restore",
        "mailboxes:detail",
        "mailboxes:list",
        "mailboxes:mail",
        "mailboxes:more",
        "mailboxes:purge",
        "mailboxes:remove",
        "mailboxes:rename",
        "mailboxes:restore",
    },
    Right.UNKNOWN: {"domains:responder", "domains:settings", "domains:unknown"},
    Right.QUOTAS: {"mailboxes:quota"},
    Right.NAMES: {"domains:remove_name", "domains:restore_name", "people:ask_name"},
    Right.GRANTING: {"people:grant", "people:of_domain"},
}


def test_every_page_about_a_domain_needs_just_the_right_that_is_named_here():
    of_people = [route for route in ROUTES if route.audience is Audience.PERSON]
    found = {route.name: set(route.rights) for route in of_people}
    of_self = {name for name in found if name.startswith(("account", "mfa_"))}
    named = {name: {right} for right, names in NEEDED.items() for name in names}
    named |= {name: set() for name in NEED_NO_RIGHT}
    assert {name: found[name] for name in found.keys() - of_self} == named


def test_the_list_of_foreign_routes_names_only_what_exists():
    assert set(ALLAUTH) <= {route.name for route in routes()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_route_answers_every_kind_of_person_as_declared(kind, ask_as, rows):
    client = ask_as(kind)
    wrong = []
    for route in GUARDED:
        for method in METHODS:
            answer = undone(client, method, address_of(route, rows))
            if answer.status_code not in expected(route, kind, method):
                wrong.append((route.name, method, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("right", list(Right))
def test_every_page_about_a_domain_answers_one_right_alone_and_all_others_as_declared(
    right, rows, domain
):
    of_domain = [r for r in GUARDED if r.audience is Audience.PERSON and "name" in r.takes]
    wrong = []
    for held in (frozenset({right}), ALL - {right}):
        client = Client()
        client.force_login(make_helper(f"{len(held)}@example.org", domain, held))
        for route in of_domain:
            for method in ("get", "post"):
                answer = undone(client, method, address_of(route, rows))
                if answer.status_code not in expected_of(held, route, method):
                    wrong.append((len(held), route.name, method, answer.status_code))
    assert wrong == []


def make_helper(email: str, domain: Domain, held: Rights) -> User:
    """Looks after the domain with these rights."""
    person = make_person(email)
    Grant.objects.create(user=person, domain=domain, rights=in_order(held))
    return person


def undone(client: Client, method: str, address: str, **more: Any) -> Any:
    """Ask, and leave the world as it was."""
    cookies = client.cookies.output()
    with transaction.atomic():
        answer = getattr(client, method)(address, **more)
        transaction.set_rollback(True)
    client.cookies = SimpleCookie(cookies.replace("Set-Cookie: ", ""))
    return answer


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "operator"])
def test_a_fragment_answers_as_its_page_does(kind, ask_as, rows):
    client = ask_as(kind)
    wrong = []
    for route in GUARDED:
        for method in ("get", "post"):
            answer = undone(client, method, address_of(route, rows), headers=HTMX)
            if kind in ("anonymous", "invited"):
                is_led = answer.get("HX-Redirect", "").partition("?")[0] == SIGN_IN
                if not is_led or answer.content:
                    wrong.append((route.name, method, answer.status_code))
            elif answer.status_code not in expected(route, kind, method):
                wrong.append((route.name, method, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("route", GUARDED, ids=str)
def test_who_is_not_signed_in_is_led_to_the_sign_in_page(route, anonymous, rows):
    answer = anonymous.get(address_of(route, rows))
    assert answer["Location"].partition("?")[0] == SIGN_IN


@pytest.mark.parametrize("route", [r for r in GUARDED if r.takes[:2] == ("name", "pk")], ids=str)
@pytest.mark.parametrize("kind", ["operator", "full elsewhere"])
def test_a_row_is_not_found_through_the_name_of_another_domain(
    route, kind, ask_as, rows, other_domain
):
    client = ask_as(kind)
    for method in ("get", "post"):
        address = address_of(route, rows, other_domain.name)
        assert undone(client, method, address).status_code in (404, 405)


@pytest.mark.parametrize("kind", ["anonymous", "operator", "full elsewhere", "owner"])
def test_no_answer_is_kept_by_a_browser_or_a_proxy(kind, ask_as, rows):
    client = ask_as(kind)
    kept = []
    for route in (route for route in ROUTES if "uidb36" not in route.takes):
        for method in ("get", "post"):
            answer = undone(client, method, address_of(route, rows))
            if not {"no-store", "private"} <= set(answer["Cache-Control"].split(", ")):
                kept.append((route.name, method))
    assert kept == []
    assert "no-store" in client.get("/no/such/page/")["Cache-Control"]


# ids of another tenant, elsewhere than in the path


@pytest.fixture
def spy(ask_as, rows, other_domain):
    """Somebody with all rights elsewhere, and what is theirs."""
    client = ask_as("full elsewhere")
    mailbox = add_mailbox(SYSTEM, other_domain, LocalPart("mine"))
    target = [MailAddress("mine@stranger.example")]
    return client, mailbox, add_alias(SYSTEM, other_domain, AliasLocal("ours"), target)


def test_a_filter_never_shows_what_is_somebody_elses(spy, rows):
    client, _mailbox, _alias = spy
    foreign = rows["mailboxes"]
    for address in (
        f"/domains/stranger.example/mailboxes/?top={foreign.pk}",
        f"/domains/?top={foreign.domain_id}",
        "/domains/?q=pandle",
        "/activity/?domain=pandle.net",
        "/activity/export.csv?domain=pandle.net",
        f"/pulse/?pending=a{foreign.pk}&pending=d{foreign.domain_id}&domain=d{foreign.domain_id}",
    ):
        answer = client.get(address)
        text = b"".join(answer) if answer.streaming else answer.content
        shown = text.decode().replace('value="pandle', "").replace("“pandle”", "")
        assert "biliards" not in shown, address
        assert "pandle.net" not in shown, address


def test_an_htmx_header_leads_to_nothing_that_is_somebody_elses(spy, rows):
    client, mailbox, _alias = spy
    foreign = rows["mailboxes"]
    here = f"/domains/stranger.example/mailboxes/{foreign.pk}/"
    headers = {
        "HX-Request": "true",
        "HX-Target": f"row-a{foreign.pk}",
        "HX-Current-URL": "http://localhost:8025/domains/pandle.net/mailboxes/",
    }
    for place in ("row/", "remove/", "restore/", ""):
        assert client.get(f"{here}{place}", headers=headers).status_code in (404, 405)
        assert client.post(f"{here}{place}", headers=headers).status_code in (404, 405)
    answer = client.get(f"/domains/stranger.example/mailboxes/{mailbox.pk}/row/", headers=headers)
    assert "biliards" not in answer.content.decode()


def test_a_form_that_names_what_is_somebody_elses_does_nothing_to_it(spy, rows, domain):
    client, _mailbox, alias = spy
    before = Change.objects.filter(domain=domain.pk).count()
    for address, data in (
        (
            "/domains/stranger.example/settings/unknown/",
            {"unknown": "mailbox", "mailbox": "biliards"},
        ),
        (
            "/domains/stranger.example/settings/unknown/",
            {"unknown": "mailbox", "mailbox": "biliards@pandle.net"},
        ),
        (f"/domains/stranger.example/aliases/{alias.pk}/rename/", {"local": "b@pandle.net"}),
        ("/domains/stranger.example/mailboxes/", {"local": "x", "domain": domain.pk}),
        ("/domains/stranger.example/people/", {"email": "a@b.test", "domain": domain.pk}),
        ("/sync/drifts/of/stranger.example/", {"drift": rows["console:decide"].pk, "side": "ours"}),
        ("/sync/adopt/", {"file": "users/assign", "line": "=100-x:popuser:110:31:/x:::"}),
    ):
        client.post(address, data)
    assert Change.objects.filter(domain=domain.pk).count() == before
    assert not DriftDecision.objects.filter(side="ours").exists()


def test_the_drifts_of_another_domain_are_not_decided_with_ones_own(ask_as, rows, other_domain):
    client = ask_as("operator")
    data = {"drift": [rows["console:decide"].pk], "side": "ours"}
    client.post("/sync/drifts/of/stranger.example/", data)
    assert not DriftDecision.objects.filter(side="ours").exists()


# the only door from a view to rows


PANEL = ROOT / "qmailpanel"
DOORS = {"objects", "_default_manager", "_base_manager"}


def view_files() -> list[Path]:
    return sorted(PANEL.rglob("*views.py"))


def other_doors(source: str) -> list[int]:
    """The lines that reach rows by another way than `objects.for_user(…)` or `owned_by(…)`."""
    tree = ast.parse(source)
    through = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("for_user", "owned_by")
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


@pytest.mark.parametrize(
    "file", view_files(), ids=lambda file: str(file.relative_to(ROOT / "qmailpanel"))
)
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
