"""What each answer tells the browser, where a request is said to come from, and how big it is."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from qmailpanel.ledger.models import Change
from tests.kit.signing_in import type_password

ROOT = Path(__file__).parents[2]
LOOK = """
import json
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
call_command("createcachetable", verbosity=0)
client = Client(headers={"host": "panel.example.org", "x-forwarded-proto": "https"})
answer = client.get("/sign-in/")
assert answer.status_code == 200, answer
cookies = {name: dict(cookie.items()) for name, cookie in answer.cookies.items()}
print(json.dumps({"headers": dict(answer.headers), "cookies": cookies}))
"""

pytestmark = pytest.mark.django_db


def look(tmp_path, **environment):
    """What a panel with these settings answers at its sign-in page behind one proxy."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("QMAILPANEL")}
    kept |= {"DATABASE_URL": "", "QMAILPANEL_STATE_DIR": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", LOOK],
        cwd=ROOT,
        env=kept | {"QMAILPANEL_TRUSTED_PROXIES": "1"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """The answer of a panel on https."""
    return look(tmp_path_factory.mktemp("secure"), QMAILPANEL_BASE_URL="https://panel.example.org")


def test_on_https_browsers_are_told_to_stay_there_for_a_year(secure):
    assert secure["headers"]["Strict-Transport-Security"] == "max-age=31536000"


def test_how_long_is_a_setting_and_on_http_nothing_is_said(tmp_path):
    url = {"QMAILPANEL_BASE_URL": "https://panel.example.org"}
    shorter = look(tmp_path / "a", QMAILPANEL_HSTS_SECONDS="60", **url)
    assert shorter["headers"]["Strict-Transport-Security"] == "max-age=60"
    plain = look(tmp_path / "b", QMAILPANEL_BASE_URL="http://panel.example.org")
    assert "Strict-Transport-Security" not in plain["headers"]
    assert not any(cookie["secure"] for cookie in plain["cookies"].values())


def test_cookies_are_for_this_host_alone_and_for_no_script(secure):
    assert "__Host-qmailpanel-csrf-8025" in secure["cookies"]
    for cookie in secure["cookies"].values():
        kept = {name: cookie[name] for name in ("secure", "httponly", "samesite", "path", "domain")}
        assert kept == {
            "secure": True,
            "httponly": True,
            "samesite": "Lax",
            "path": "/",
            "domain": "",
        }


def test_the_session_cookie_has_the_same_rules(settings, operator, anonymous):
    anonymous.force_login(operator)
    cookie = anonymous.cookies[settings.SESSION_COOKIE_NAME]
    assert settings.SESSION_COOKIE_HTTPONLY
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert cookie["path"] == "/"


EXPECTED = {
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize("address", ["/sign-in/", "/nowhere/", "/domains/", "/sign-in/link/"])
def test_every_answer_says_what_the_browser_may(anonymous, address):
    headers = anonymous.get(address).headers
    assert {name: headers[name] for name in EXPECTED} == EXPECTED
    policy = headers["Permissions-Policy"].split(", ")
    assert {"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"} <= set(policy)
    assert "publickey-credentials-get=(self)" in policy
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


# where a request comes from


def address_seen(client, settings, proxies, forwarded, remote="10.0.0.1"):
    """The address in the ledger of a sign-in that is refused."""
    settings.QMAILPANEL_TRUSTED_PROXIES = proxies
    cache.clear()
    headers = {"x-forwarded-for": forwarded} if forwarded is not None else {}
    type_password(client, "nobody@example.org", "x", headers=headers, REMOTE_ADDR=remote)
    return Change.objects.latest("id").ip


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "192.0.2.1", "10.0.0.1"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "made.up, 203.0.113.9, 192.0.2.1", "192.0.2.1"),
        (2, "203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        (2, "192.0.2.1", "10.0.0.1"),
        (1, "2001:DB8::1", "2001:db8::1"),
        (1, "nonsense", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, None, "10.0.0.1"),
    ],
)
def test_the_address_is_what_the_outermost_trusted_proxy_saw(
    anonymous, settings, proxies, forwarded, seen
):
    assert address_seen(anonymous, settings, proxies, forwarded) == seen


def test_one_client_has_one_address_on_a_socket_for_both_kinds(anonymous, settings):
    assert address_seen(anonymous, settings, 0, None, remote="::ffff:192.0.2.1") == "192.0.2.1"


def test_behind_a_proxy_each_client_has_limits_of_its_own(anonymous, settings):
    settings.QMAILPANEL_TRUSTED_PROXIES = 1
    cache.clear()

    def guess(forwarded):
        headers = {"x-forwarded-for": forwarded}
        page = type_password(anonymous, "x@example.org", "wrong", headers=headers)
        return "Too many failed" in page.content.decode()

    assert [guess(f"203.0.113.{n}, 192.0.2.1") for n in range(6)] == [*[False] * 5, True]
    assert not guess("192.0.2.2")


def test_other_headers_about_the_client_are_not_believed(anonymous, settings):
    settings.QMAILPANEL_TRUSTED_PROXIES = 0
    forged = {"x-real-ip": "192.0.2.1", "forwarded": "for=192.0.2.1", "client-ip": "192.0.2.1"}
    type_password(anonymous, "nobody@example.org", "x", headers=forged, REMOTE_ADDR="10.0.0.1")
    assert Change.objects.latest("id").ip == "10.0.0.1"


def test_without_a_trusted_proxy_nobody_makes_http_look_like_https(tmp_path):
    url = {"QMAILPANEL_BASE_URL": "https://panel.example.org"}
    answer = look(tmp_path, QMAILPANEL_TRUSTED_PROXIES="0", **url)
    assert "Strict-Transport-Security" not in answer["headers"]


# how big


@pytest.mark.parametrize("address", ["/sign-in/", "/password/reset/", "/sign-in/link/"])
def test_a_form_that_is_far_too_big_is_refused_with_a_page(anonymous, address):
    answer = anonymous.post(address, {"login": "x" * 300_000})
    assert answer.status_code in (400, 413)


def test_a_form_with_far_too_many_fields_is_refused(anonymous):
    body = "&".join(f"f{n}=x" for n in range(2_001))
    answer = anonymous.post(
        reverse("account_login"), body, content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code in (400, 413)


def test_a_form_as_big_as_people_need_is_read(as_operator):
    addresses = "\n".join(f"somebody{n}@elsewhere.example" for n in range(5_000))
    answer = as_operator.post(reverse("domains:add"), {"name": "x", "comment": addresses})
    assert answer.status_code == 422


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8025"])
def test_a_host_that_is_not_the_panels_is_refused(anonymous, host):
    assert anonymous.get("/sign-in/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "values",
    [{"QMAILPANEL_SECOND_FACTOR": "all"}, {"QMAILPANEL_TRUSTED_PROXIES": "one"}],
    ids=str,
)
def test_a_wrong_setting_is_said(tmp_path, values):
    with pytest.raises(AssertionError, match=next(iter(values))):
        look(tmp_path, **values)


def test_nobody_uploads_a_file(as_operator, domain):
    file = io.BytesIO(b"x" * 3_000_000)
    answer = as_operator.post("/domains/pandle.net/mailboxes/", {"local": "x", "file": file})
    assert answer.status_code == 400
    assert as_operator.post("/domains/pandle.net/mailboxes/", {"local": "x"}).status_code == 303


# the log


@pytest.fixture
def logged():
    """What goes to the log of the service, with all that its handler leaves of it."""
    text = io.StringIO()
    logging.config.dictConfig(settings.LOGGING)
    handler = next(h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler)
    handler.setStream(text)
    yield text.getvalue
    logging.config.dictConfig(settings.LOGGING)


def test_requests_under_other_host_names_fill_no_log(client, logged):
    for number in range(50):
        answer = client.get("/sign-in/", headers={"host": f"scanner{number}.example"})
        assert answer.status_code == 400
    assert len(logged().splitlines()) == 1
    assert "scanner0.example" in logged()


def test_what_a_stranger_sends_leaves_a_line_and_no_traceback(client, logged):
    fields = "a=1&" * (settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)
    answer = client.post("/sign-in/", fields, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert 1 <= len(logged().splitlines()) <= 2
    assert "Traceback" not in logged()


def test_a_fault_of_the_panel_keeps_its_traceback(logged):
    try:
        raise RuntimeError("of the panel")
    except RuntimeError:
        logging.getLogger("django.request").exception("Internal Server Error: /")
    assert "Traceback" in logged()
