"""Who is at the door while the panel is measured: people, guessers, and clients that wait."""

from __future__ import annotations

import http.client
import random
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlencode

PATIENCE = 60.0
CSRF = "c" * 32  # the cookie and the field of a form are compared with each other
FORM = "application/x-www-form-urlencoded"


@dataclass
class Seen:
    """What all of them saw: seconds by what was done, and what should not have come."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)


@dataclass
class Place:
    """Where the panel listens, and how its cookies are called."""

    port: int
    session_cookie: str
    csrf_cookie: str


class Browser:
    """One client with its cookies, as a proxy before the panel names its address."""

    def __init__(self, place: Place, address: str, session: str = "") -> None:
        self._place, self._address, self._session = place, address, session
        self._connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=PATIENCE)

    def get(self, path: str) -> http.client.HTTPResponse:
        return self._ask("GET", path, None)

    def post(self, path: str, **fields: str) -> http.client.HTTPResponse:
        return self._ask("POST", path, urlencode({"csrfmiddlewaretoken": CSRF, **fields}))

    def _ask(self, method: str, path: str, body: str | None) -> http.client.HTTPResponse:
        cookies = {self._place.csrf_cookie: CSRF, self._place.session_cookie: self._session}
        headers = {
            "Cookie": "; ".join(f"{name}={text}" for name, text in cookies.items() if text),
            "X-Forwarded-For": self._address,
            **({"Content-Type": FORM} if body else {}),
        }
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        self._keep_session(answer)
        return answer

    def _keep_session(self, answer: http.client.HTTPResponse) -> None:
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _equals, rest = cookie.partition("=")
            if name == self._place.session_cookie:
                self._session = rest.partition(";")[0]

    def close(self) -> None:
        self._connection.close()


@dataclass
class Person:
    """Signs in, looks, searches and adds, with a pause of a few seconds between two clicks."""

    place: Place
    seen: Seen
    number: int
    email: str
    password: str
    domain: str

    def __post_init__(self) -> None:
        self._browser = Browser(self.place, f"192.0.2.{self.number}")
        self._added = 0

    def work(self, is_over: Event) -> None:
        is_over.wait(random.uniform(0, 10))
        self._click("sign in", self._sign_in, 302)
        clicks: list[tuple[str, Callable[[], http.client.HTTPResponse], int, int]] = [
            ("list", self._list, 200, 40),
            ("search", self._search, 200, 25),
            ("pulse", self._pulse, 200, 25),
            ("add", self._add, 200, 8),
            ("sign in", self._sign_in, 302, 2),
        ]
        weights = [weight for *_, weight in clicks]
        while not is_over.wait(random.uniform(1, 3)):
            [(name, click, status, _weight)] = random.choices(clicks, weights)
            self._click(name, click, status)

    def _click(self, name: str, click: Callable[[], http.client.HTTPResponse], status: int) -> None:
        began = time.perf_counter()
        try:
            answer = click()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.seen.wrong.append(f"{name}: {error!r}")
            self._browser.close()
            return
        self.seen.seconds[name].append(time.perf_counter() - began)
        if answer.status not in (status, 303):
            self.seen.wrong.append(f"{name}: {answer.status} {text[:80]!r}")

    def _sign_in(self) -> http.client.HTTPResponse:
        self._browser = Browser(self.place, f"192.0.2.{self.number}")
        return self._browser.post("/sign-in/", login=self.email, password=self.password)

    def _list(self) -> http.client.HTTPResponse:
        return self._browser.get(f"/domains/{self.domain}/mailboxes/")

    def _search(self) -> http.client.HTTPResponse:
        return self._browser.get(f"/domains/{self.domain}/mailboxes/?q=user000")

    def _pulse(self) -> http.client.HTTPResponse:
        return self._browser.get("/pulse/?wait=2000")

    def _add(self) -> http.client.HTTPResponse:
        self._added += 1
        local = f"new{self.number}x{self._added}"
        return self._browser.post(f"/domains/{self.domain}/mailboxes/", local=local)


def guess(place: Place, seen: Seen, is_over: Event) -> None:
    """Wrong passwords for one account, each from another address."""
    while not is_over.is_set():
        address = f"198.18.{random.randrange(256)}.{random.randrange(256)}"
        browser, began = Browser(place, address), time.perf_counter()
        try:
            browser.post("/sign-in/", login="person1@example.org", password="wrong").read()
            seen.seconds["guess"].append(time.perf_counter() - began)
        except (OSError, http.client.HTTPException) as error:
            seen.wrong.append(f"guess: {error!r}")
        browser.close()


def send_six_bytes(place: Place, is_over: Event) -> None:
    """A form of which six bytes come, again and again."""
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\n"
    head += f"Cookie: {place.csrf_cookie}={CSRF}\r\n"  # without it nobody reads the form
    while not is_over.is_set():
        with socket.create_connection(("127.0.0.1", place.port)) as connection:
            connection.sendall(f"{head}Content-Length: 200\r\n\r\nlogin=".encode())
            is_over.wait(30)


def export(place: Place, seen: Seen, session: str, pause: float, is_over: Event) -> None:
    """The whole ledger, read as fast as it comes, or with a pause after each piece."""
    name = "slow export" if pause else "export"
    while not is_over.is_set():
        browser, began = Browser(place, "192.0.2.254", session), time.perf_counter()
        try:
            answer = browser.get("/activity/export.csv")
            is_whole = _read_all(answer, pause, is_over)
        except (OSError, http.client.HTTPException) as error:
            seen.wrong.append(f"{name}: {error!r}")
            is_whole = False
        if is_whole and answer.status != 200:
            seen.wrong.append(f"{name}: {answer.status}")
        elif is_whole:
            seen.seconds[name].append(time.perf_counter() - began)
        browser.close()
        is_over.wait(1)


def _read_all(answer: http.client.HTTPResponse, pause: float, is_over: Event) -> bool:
    while answer.read(1 << 16):
        if is_over.wait(pause):
            return False
    return True


def begin(work: Callable[[Event], None], is_over: Event) -> Thread:
    thread = Thread(target=work, args=[is_over], daemon=True)
    thread.start()
    return thread
