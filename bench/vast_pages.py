"""Which pages there are at a large host, and what each costs whoever looks at it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import quote

import django

from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state

prepare_state(read_settings(os.environ))
django.setup()

from django.conf import settings  # noqa: E402 - only now is the panel there
from django.db import connection  # noqa: E402 - as above
from django.db.models import QuerySet  # noqa: E402 - as above
from django.test import Client  # noqa: E402 - as above
from django.test.utils import CaptureQueriesContext  # noqa: E402 - as above
from django.urls import reverse  # noqa: E402 - as above

from bench.scene import prepare  # noqa: E402 - as above
from bench.vast_scene import Size, add_person, fill_scene, find_owner  # noqa: E402 - as above
from qmailpanel.accounts.models import User  # noqa: E402 - as above
from qmailpanel.activity.services import NEWEST  # noqa: E402 - as above
from qmailpanel.domains.addresses.filters import OF_KIND, Only  # noqa: E402 - as above
from qmailpanel.domains.models import Domain, Kind  # noqa: E402 - as above
from qmailpanel.ledger.models import Change, Verb  # noqa: E402 - as above
from qmailpanel.paging import page  # noqa: E402 - as above
from qmailpanel.reports.models import Usage  # noqa: E402 - as above
from qmailpanel.sync.publish import publish_heartbeat  # noqa: E402 - as above

ADDRESS = Callable[[], Iterator[tuple[str, str]]]


@dataclass(frozen=True)
class Page:
    """A page as somebody sees it, or the `part` of it that htmx asks for."""

    name: str
    browser: Client
    address: str
    part: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"hx-request": "true", "hx-target": self.part} if self.part else {}


@dataclass(frozen=True)
class Answers:
    """What it took to answer, each time."""

    seconds: list[float]
    queries: int


def set_up(size: Size) -> None:
    """Also in this process: garbage is looked for as where the panel serves."""
    prepare()
    if not Domain.objects.exists():
        fill_scene(size)
    import_module("qmailpanel.wsgi")


def ask(asked: Page, requests: int) -> Answers:
    """The queries of the first request, and the times of those behind it."""
    publish_heartbeat(alive=True)
    with CaptureQueriesContext(connection) as queries:
        _get(asked)
    count = len(queries)
    return Answers([_get(asked) for _ in range(requests)], count)


def _get(asked: Page) -> float:
    start = time.perf_counter()
    response = asked.browser.get(asked.address, headers=asked.headers)
    took = time.perf_counter() - start
    if response.status_code != 200:
        raise RuntimeError(f"{asked.address}: {response.status_code}")
    return took


def all_pages() -> Iterator[Page]:
    """Those of an operator, of who looks after 2,000 domains or one, and of an owner."""
    wide, usual, single = Domain.objects.filter(pk__in=(1, 2, 3)).order_by("pk")
    many = User.objects.filter(grants__domain=wide)[:1].get()
    one = _find_or_add("single@example.org", single)
    boss = _find_or_add("bench@example.org", is_operator=True)
    owner = _browser(find_owner(usual), settings.AUTHENTICATION_BACKENDS[1])
    for who, browser, pages in (
        ("operator", _browser(boss), _of_operator(wide, usual)),
        ("2,000 domains", _browser(many), _of_person(wide, usual)),
        ("one domain", _browser(one), _of_person(single, single)),
        ("owner", owner, _of_owner()),
    ):
        yield from (_page(who, browser, name, address) for name, address in pages)


def _page(who: str, browser: Client, name: str, address: str) -> Page:
    """What is typed into the field is answered in the page that stands there."""
    part = "content" if name.startswith("field") else ""
    return Page(f"{who}: {name}", browser, address, part)


def _browser(user: User, backend: str | None = None) -> Client:
    browser = Client(headers={"host": "127.0.0.1"})
    browser.force_login(user, backend=backend or settings.AUTHENTICATION_BACKENDS[0])
    return browser


def _find_or_add(email: str, *domains: Domain, **more: Any) -> User:
    return User.objects.filter(email=email).first() or add_person(email, *domains, **more)


def _of_person(wide: Domain, usual: Domain) -> Iterator[tuple[str, str]]:
    yield from _today()
    yield from _domain_lists()
    yield from _of_domain("its mailboxes", usual)
    yield from _lists_of("wide", wide)
    yield from _nearly_full()
    yield from _activity(wide)
    yield from _field(wide)


def _of_operator(wide: Domain, usual: Domain) -> Iterator[tuple[str, str]]:
    yield from _of_person(wide, usual)
    for name in ("page", "plan", "host", "doctor", "history"):
        yield f"sync, {name}", reverse(f"console:{name}")
    yield "people", reverse("people:list")
    yield "domain, remove", reverse("domains:remove", args=[wide.name])


def _field(wide: Domain) -> Iterator[tuple[str, str]]:
    """What somebody may type: what many have, or few, or nobody, and whole addresses."""
    here = reverse("find:page")
    texts = {"many": "user", "few": "99999", "nobody": "biliards", "domain": wide.name[:6]}
    for name, text in texts.items():
        yield f"field, {name}", f"{here}?q={text}"
    yield "field, an address", f"{here}?q=user00001@{wide.name}"
    yield "field, a typo", f"{here}?q=usr00001@{wide.name}"


def _today() -> Iterator[tuple[str, str]]:
    """Also what nobody counts but every page shows in the rail."""
    yield "today", reverse("today:page")
    yield "today, goes nowhere", reverse("today:nowhere")


def _of_owner() -> Iterator[tuple[str, str]]:
    names = ("own", "own_password", "own_app_passwords", "own_mail", "own_sign_ins", "own_programs")
    for name in names:
        yield name, reverse(f"mailboxes:{name}")
    yield "activity", reverse("activity:list")


def _domain_lists() -> Iterator[tuple[str, str]]:
    here = reverse("domains:list")
    yield "domains", here
    yield "domains, deepest", f"{here}?after={_deepest(Domain.objects.all(), 'name')}"
    yield "domains, search", f"{here}?q=d019"
    yield "domains, nothing found", f"{here}?q=nobody"
    yield "pulse", f"{reverse('domains:pulse')}?{_rows('pending=d{}')}"


def _of_domain(name: str, domain: Domain) -> Iterator[tuple[str, str]]:
    mailbox = domain.addresses.filter(kind=Kind.MAILBOX).order_by("id")[0]
    alias = domain.addresses.filter(kind=Kind.ALIAS).order_by("id")[0]
    yield name, reverse("mailboxes:list", args=[domain.name])
    for part in ("detail", "mail", "app_passwords", "remove"):
        yield f"mailbox, {part}", reverse(f"mailboxes:{part}", args=[domain.name, mailbox.pk])
    yield "alias", reverse("aliases:detail", args=[domain.name, alias.pk])


def _lists_of(name: str, domain: Domain) -> Iterator[tuple[str, str]]:
    here = reverse("mailboxes:list", args=[domain.name])
    boxes = domain.addresses.filter(kind=Kind.MAILBOX)
    some = boxes.order_by("local")[boxes.count() // 2].local
    yield f"{name}: mailboxes", here
    yield f"{name}: mailboxes, deepest", f"{here}?after={_deepest(boxes, 'local')}"
    yield f"{name}: mailboxes, search", f"{here}?q={some[:-2]}"
    yield f"{name}: mailboxes, whole address", f"{here}?q={some}@{domain.name}"
    for only in OF_KIND[Kind.MAILBOX]:
        yield f"{name}: mailboxes, {only}", f"{here}?only={only}"
    yield f"{name}: mailboxes, search and off", f"{here}?q={some[:-2]}&only={Only.OFF}"
    yield f"{name}: mailboxes, by used", f"{here}?sort=used"
    used = _deepest(Usage.objects.filter(domain=domain.pk), "-bytes", "-address")
    yield f"{name}: mailboxes, by used, deep", f"{here}?sort=used&after={used}"
    yield f"{name}: mailboxes, few by used", f"{here}?q={some[:-3]}&sort=used"
    yield f"{name}: pulse", f"{reverse('domains:pulse')}?{_rows('pending=a{}')}&domain=d{domain.pk}"
    yield f"{name}: removed", reverse("mailboxes:removed", args=[domain.name])
    yield f"{name}: aliases", reverse("aliases:list", args=[domain.name])
    yield f"{name}: settings", reverse("domains:settings", args=[domain.name])
    yield f"{name}: people", reverse("people:of_domain", args=[domain.name])


def _nearly_full() -> Iterator[tuple[str, str]]:
    here = reverse("mailboxes:full")
    full = Usage.objects.filter(percent=90)
    yield "nearly full", here
    yield "removed", reverse("mailboxes:removed_anywhere")
    yield "nearly full, deep", f"{here}?after={_deepest(full, '-percent', '-address')}"


def _activity(domain: Domain) -> Iterator[tuple[str, str]]:
    here, whom = reverse("activity:list"), quote("person0000@example.org")
    yield "activity", here
    yield "activity, deepest", f"{here}?after={_deepest(Change.objects.all(), *NEWEST)}"
    yield "activity of a domain", reverse("activity:domain", args=[domain.name])
    for name, query in {
        "domain": f"domain={domain.name}",
        "address": f"domain=user0000001@{domain.name}",
        "person": f"person={whom}",
        "what was done": f"verb={Verb.PASSWORD}",
        "person and what": f"person={whom}&verb={Verb.CHANGED}",
        "domain and what": f"domain={domain.name}&verb={Verb.ADDED}",
        "what never was": f"verb={Verb.PURGED}",
        "a person who never was": "person=nobody@example.org",
        "beginning that all share": "person=person",
        "beginning that few share": "person=person001",
        "beginning and what": f"person=person&verb={Verb.CHANGED}",
        "days": "since=2025-03-01&until=2025-03-02",
        "beginning and days": "person=person&since=2025-03-01&until=2025-03-02",
        "person and no such day": f"person={whom}&since=2029-03-01",
    }.items():
        yield f"activity, {name}", f"{here}?{query}"


def _rows(each: str) -> str:
    return "&".join(each.format(number) for number in range(2, 52))


def _deepest(rows: QuerySet[Any], *key: str) -> str:
    """The cursor behind which there are the last rows of a list."""
    backwards = [name.removeprefix("-") if "-" in name else f"-{name}" for name in key]
    last = list(rows.order_by(*backwards).values_list("pk", flat=True)[:100])
    return quote(page(rows.model._default_manager.filter(pk__in=last), key=key).next)
