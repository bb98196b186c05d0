"""The mailbox list as a signed-in person gets it, beside the barest page Django can make of it."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from statistics import quantiles
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template import engines
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

from bench.processes import PATIENCE, resident, running
from bench.scene import add_domains
from bench.table import Row
from qmailpanel import urls
from qmailpanel.accounts.models import User
from qmailpanel.commands.management.commands.run import _granian
from qmailpanel.domains.models import Address, Domain, Kind
from qmailpanel.paging import page
from qmailpanel.sync.publish import publish_heartbeat

RATIO, QUERIES, WEB_MB = 1.5, 8, 120
REQUESTS = 100
BARE = """<!doctype html>
<title>{{ domain.name }}</title>
<table>
  {% for row in rows %}
    <tr>
      <td>
        <a href="{% url 'mailboxes:detail' domain.name row.pk %}">{{ row.local }}@{{ domain }}</a>
      </td>
      <td>{{ row.comment }}</td>
      <td>{{ row.enabled }}</td>
      <td>{{ row.change_id }}</td>
    </tr>
  {% endfor %}
</table>
<a href="?after={{ last.local }}">Next</a>
"""


def show_bare(request: HttpRequest, name: str) -> HttpResponse:
    """Fifty rows by key, through the same middleware and the same index."""
    domain = get_object_or_404(Domain, name=name)
    rows = Address.objects.filter(domain=domain, kind=Kind.MAILBOX)
    rows = rows.filter(local__gt=request.GET.get("after", "")).order_by("local", "id")
    found = list(rows[:50])
    context = {"domain": domain, "rows": found, "last": found[-1]}
    return HttpResponse(_bare_template().render(context, request))


@cache
def _bare_template() -> Any:
    return engines["django"].from_string(BARE)


urlpatterns = [path("bare/<str:name>/", show_bare), *urls.urlpatterns]


class Pages:
    """A browser in which the operator is signed in."""

    def __init__(self) -> None:
        user = User.objects.create(email="bench@example.org", is_operator=True, password="argon2$x")
        self.client = Client(headers={"host": "127.0.0.1"})
        self.client.force_login(user)

    def measure(self, wide: int) -> list[Row]:
        """The list of an ordinary domain, and of one that has as many as all others together."""
        ordinary = Domain.objects.order_by("id")[0]
        [vast] = add_domains(1, wide)
        rows = Address.objects.filter(domain=vast, kind=Kind.MAILBOX)
        almost = page(rows.filter(local__gte=f"user{wide - 100:05}"), key=("local",)).next
        near, middle = f"user{wide - 51:05}", f"user{wide // 2 - 1:05}"
        half = f"user{wide // 2:05}"
        found = [
            *self._compare("list", wide, ordinary, "", ""),
            *self._compare("list, one domain", wide, vast, "", ""),
            *self._compare("list, deepest page", wide, vast, f"after={almost}", f"after={near}"),
            *self._compare("list, search", wide, vast, f"q={half[:-2]}", f"after={middle}"),
        ]
        return [*found, self._measure_web(vast, wide)]

    def _compare(
        self, work: str, size: int, domain: Domain, query: str, bare_query: str
    ) -> list[Row]:
        ours = f"{reverse('mailboxes:list', args=[domain.name])}?{query}"
        bare = f"/bare/{domain.name}/?{bare_query}"
        publish_heartbeat(alive=True)
        with override_settings(ROOT_URLCONF="bench.pages"):
            with CaptureQueriesContext(connection) as queries:
                self._get(ours)
            count = len(queries)
            panel, floor = self._alternately(lambda: self._get(ours), lambda: self._get(bare))
        return [
            Row(f"mailbox {work}, p95", size, _p95(panel), _p95(floor), RATIO),
            Row(f"mailbox {work}, queries", size, count, None, QUERIES, ""),
        ]

    def _get(self, address: str) -> None:
        response = self.client.get(address)
        if response.status_code != 200 or response.content.count(b"@d0") < 50:
            raise RuntimeError(f"{address}: {response.status_code}")

    @staticmethod
    def _alternately(*work: Callable[[], None]) -> list[list[float]]:
        seconds: list[list[float]] = [[] for _ in work]
        for _ in range(REQUESTS):
            for times, one in zip(seconds, work, strict=True):
                start = time.perf_counter()
                one()
                times.append(time.perf_counter() - start)
        return seconds

    def _measure_web(self, domain: Domain, size: int) -> Row:
        """The web server as `make run` starts it, after some pages."""
        cookie = f"{settings.SESSION_COOKIE_NAME}={self.client.session.session_key}"
        with running(_granian("127.0.0.1", port := _free_port())) as pid:
            _wait_for_port(port)
            for _ in range(REQUESTS):
                browser = http.client.HTTPConnection("127.0.0.1", port)
                browser.request(
                    "GET", f"/domains/{domain.name}/mailboxes/", headers={"Cookie": cookie}
                )
                if browser.getresponse().status != 200:
                    raise RuntimeError("the web server does not show the list")
                browser.close()
            return Row("web process, resident", size, resident(pid), None, WEB_MB, "MB")


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
