"""Settings are declared once, checked where they are declared, and documented from there."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from qmailpanel.environment.declared import SETTINGS
from qmailpanel.environment.document import document
from qmailpanel.environment.host_zone import zone_of_host
from qmailpanel.environment.reading import read_settings

ROOT = Path(__file__).parents[1]
VARIABLE = re.compile(r"\b(?:QMAILPANEL_[A-Z0-9_]+|DATABASE_URL|EMAIL_URL)\b")
PATHS = [name for name in SETTINGS if name.endswith(("_DIR", "_HOME", "_ROOT"))]
NUMBERS = [name for name, setting in SETTINGS.items() if "whole number" in setting.kind.must_be]
NONSENSE = [
    *((name, text) for name in PATHS for text in ("var", "/a/../b", "/a:b", "/a\nb", "/")),
    *((name, text) for name in NUMBERS for text in ("-1", "x", "1.5", "1_0", "9" * 30)),
    ("QMAILPANEL_FIRST_PREPEND", "0"),
    ("QMAILPANEL_RCPTHOSTS", "0"),
    ("QMAILPANEL_GENERATIONS", "0"),
    ("QMAILPANEL_WARN_PERCENT", "900"),
    ("QMAILPANEL_WARN_PERCENT", "100"),
    ("QMAILPANEL_PORT", "99999"),
    ("QMAILPANEL_PORT", "0"),
    ("QMAILPANEL_MAIL_USER", "root:0:0"),
    ("QMAILPANEL_MAIL_USER", "popuser:110:0"),
    ("QMAILPANEL_MAIL_USER", "popuser"),
    ("QMAILPANEL_HUP", "maybe"),
    ("QMAILPANEL_HUP", "/bin/kill 'unfinished"),
    ("QMAILPANEL_REJECTNONEXIST", "off"),
    ("QMAILPANEL_RECIPIENTS", "all"),
    ("QMAILPANEL_DELIVERQUOTA", "deliverquota"),
    ("QMAILPANEL_DELIVERQUOTA", "/usr/bin/deliverquota; rm"),
    ("QMAILPANEL_MAILBOT", "yes"),
    ("QMAILPANEL_ASK_GROUP", "Mail People"),
    ("QMAILPANEL_DOVECOT", "true"),
    ("QMAILPANEL_DOVECOT_QUOTA_RULE", "auto"),
    ("QMAILPANEL_NODE", "a b"),
    ("QMAILPANEL_NODE", "n" * 65),
    ("QMAILPANEL_HOST", "256.1.1.1"),
    ("QMAILPANEL_HOST", "a host"),
    ("QMAILPANEL_HOST", "http://127.0.0.1"),
    ("QMAILPANEL_BASE_URL", "panel.example.org"),
    ("QMAILPANEL_BASE_URL", "ftp://panel.example.org"),
    ("QMAILPANEL_BASE_URL", "https://panel.example.org/mail"),
    ("QMAILPANEL_BASE_URL", "https://me@panel.example.org"),
    ("QMAILPANEL_BASE_URL", "https://panel.example.org:99999"),
    ("QMAILPANEL_BASE_URL", "https://"),
    ("QMAILPANEL_BASE_URL", "http://[::1"),
    ("QMAILPANEL_MAIL_ROOT", "/home/müller/mail"),
    ("QMAILPANEL_SECOND_FACTOR", "all"),
    ("QMAILPANEL_OPERATOR", "operator"),
    ("QMAILPANEL_MAIL_FROM", "The panel"),
    *(("QMAILPANEL_TIME_ZONE", text) for text in ("CEST+1", "Europe", "../zone", "Europe/Xyz")),
    ("QMAILPANEL_RESOLVER", "127.0.0.1"),
    ("QMAILPANEL_RESOLVER", "dns.example.org:53"),
    ("QMAILPANEL_RESOLVER", "127.0.0.1:dns"),
    ("QMAILPANEL_DEBUG", "maybe"),
    *((f"QMAILPANEL_{name}", "mail.example.org") for name in ("IMAP", "POP3", "SMTP")),
    ("QMAILPANEL_IMAP", "::1:993"),
    *((f"QMAILPANEL_{name}", "mail.example.org:0") for name in ("IMAP", "POP3", "SMTP")),
    ("DATABASE_URL", "nonsense"),
    ("DATABASE_URL", "mysql://panel:secret@host/panel"),
    ("DATABASE_URL", "postgres://panel:secret@host:99999/panel"),
    ("DATABASE_URL", "postgres://panel:secret@host"),
    ("DATABASE_URL", "postgres://panel:secret@host/panel?nonsense"),
    ("DATABASE_URL", "sqlite:///db.sqlite3"),
    ("EMAIL_URL", "nonsense"),
    ("EMAIL_URL", "smtp://"),
    ("EMAIL_URL", "smtp://panel:secret@host:587/?tls=true"),
    ("EMAIL_URL", "smtp://panel:secret@host:587/tls"),
    ("EMAIL_URL", "smtp://panel:secret@host:0"),
    ("EMAIL_URL", "sendmail://usr/sbin/sendmail"),
    ("EMAIL_URL", "sendmail://secret/usr/sbin/sendmail"),
    ("EMAIL_URL", "smtp://panel:secret@host:port"),
    ("EMAIL_URL", "sendmail://"),
    ("EMAIL_URL", "pigeon://panel:secret@host"),
]


@pytest.mark.parametrize(("name", "text"), NONSENSE)
def test_nonsense_is_refused_in_one_sentence_that_says_what_it_must_be(name, text):
    with pytest.raises(ImproperlyConfigured) as refused:
        read_settings({name: text})
    sentence = str(refused.value)
    assert sentence.startswith(f"{name} ")
    assert f"must be {SETTINGS[name].kind.must_be}" in sentence
    assert sentence.isprintable()
    is_shown = repr(text) in sentence
    assert is_shown is not SETTINGS[name].is_secret
    assert "secret" not in sentence


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("QMAILPANEL_RETENTION_DAY", "write QMAILPANEL_RETENTION_DAYS, if that is meant."),
        ("QMAILPANEL_XYZ", "docs/settings.md has all."),
    ],
)
def test_a_variable_that_is_no_setting_is_refused(name, meant):
    with pytest.raises(ImproperlyConfigured) as refused:
        read_settings({name: "60"})
    assert str(refused.value) == f"{name} is no setting of the panel: {meant}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("QMAILPANEL_HUP", "/usr/bin/svc -h /service/qmail-send", None),
        ("QMAILPANEL_HOST", "::1", None),
        ("QMAILPANEL_HOST", "localhost", None),
        ("QMAILPANEL_BASE_URL", "https://panel.example.org/", "https://panel.example.org"),
        ("QMAILPANEL_BASE_URL", "http://[::1]:8025", None),
        *(
            ("QMAILPANEL_BASE_URL", text, "https://panel.example.org")
            for text in ("HTTPS://Panel.Example.ORG", "https://panel.example.org:443/")
        ),
        ("QMAILPANEL_BASE_URL", "https://panel.example.org?", "https://panel.example.org"),
        ("QMAILPANEL_BASE_URL", "http://panel.example.org:80", "http://panel.example.org"),
        ("QMAILPANEL_BASE_URL", "https://Köln.example", "https://xn--kln-sna.example"),
        ("QMAILPANEL_BASE_URL", "http://[2001:DB8:0::1]:80", "http://[2001:db8::1]"),
        ("QMAILPANEL_IMAP", "", None),
        ("QMAILPANEL_IMAP", "[::1]:993", None),
        ("QMAILPANEL_RESOLVER", "[::1]:53", None),
        ("QMAILPANEL_PORT", "", 8025),
        ("QMAILPANEL_WARN_PERCENT", "0", 0),
        ("QMAILPANEL_MAIL_ROOT", "/home/mail names", Path("/home/mail names")),
    ],
)
def test_what_can_be_used_is_taken(name, text, value):
    assert read_settings({name: text})[name] == (text if value is None else value)


def test_defaults_follow_from_what_is_given_above_them():
    given = read_settings({"QMAILPANEL_STATE_DIR": "/s", "QMAILPANEL_HOST": "::1"})
    assert given["QMAILPANEL_MAIL_ROOT"] == Path("/s/qmail/mailnames")
    assert given["QMAILPANEL_BASE_URL"] == "http://[::1]:8025"
    given = read_settings({"QMAILPANEL_BASE_URL": "https://panel.example.org"})
    assert given["QMAILPANEL_IMAP"] == "panel.example.org:993"
    assert given["QMAILPANEL_MAIL_FROM"] == "qmailpanel@panel.example.org"


def test_a_default_that_follows_from_a_bad_place_is_refused_too():
    with pytest.raises(ImproperlyConfigured) as refused:
        read_settings({"QMAILPANEL_QMAIL_HOME": "/home/müller/qmail"})
    sentence = "QMAILPANEL_MAIL_ROOT is '/home/müller/qmail/mailnames', but must be"
    assert str(refused.value).startswith(sentence)
    assert read_settings({"QMAILPANEL_PORT": "80"})["QMAILPANEL_BASE_URL"] == "http://127.0.0.1"


def test_a_postgres_url_names_server_or_socket():
    url = "postgres://panel:p%40ss@db.example.org:6432/mail?sslmode=require"
    assert read_settings({"DATABASE_URL": url})["DATABASE_URL"] == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "mail",
        "USER": "panel",
        "PASSWORD": "p@ss",
        "HOST": "db.example.org",
        "PORT": 6432,
        "OPTIONS": {"sslmode": "require"},
    }
    url = "postgres://panel@/mail?host=/run/postgresql"
    database = read_settings({"DATABASE_URL": url})["DATABASE_URL"]
    assert (database["HOST"], database["OPTIONS"]) == ("", {"host": "/run/postgresql"})


def test_an_smtp_url_says_how_the_connection_is_encrypted():
    mail = read_settings({"EMAIL_URL": "smtp+tls://panel:p%40ss@smtp.example.org"})["EMAIL_URL"]
    assert (mail["EMAIL_HOST"], mail["EMAIL_PORT"]) == ("smtp.example.org", 587)
    assert (mail["EMAIL_HOST_USER"], mail["EMAIL_HOST_PASSWORD"]) == ("panel", "p@ss")
    assert mail["EMAIL_USE_TLS"]


def test_a_panel_is_reached_at_an_ipv6_address(tmp_path):
    code = (
        "from qmailpanel import settings; from django.http.request import split_domain_port\n"
        "host, _port = split_domain_port('[2001:db8::1]:8025')\n"
        "print(host in settings.ALLOWED_HOSTS, settings.QMAILPANEL_IMAP)"
    )
    url = {"QMAILPANEL_BASE_URL": "http://[2001:db8::1]:8025"}
    done = python(code, tmp_path / "state", **url)
    assert (done.stdout, done.stderr) == ("True [2001:db8::1]:993\n", "")


# the documents


def test_the_page_of_settings_is_what_the_declaration_prints():
    assert (ROOT / "docs/settings.md").read_text() == "\n".join(document())


@pytest.mark.parametrize(
    "page", ["README.md", "deploy/README.md", "deploy/environment.example", "docs/recipients.md"]
)
def test_no_page_names_a_variable_that_is_none(page):
    assert set(VARIABLE.findall((ROOT / page).read_text())) <= SETTINGS.keys()


# what starting writes


def start(words, state, umask=0o022, **environ):
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "QMAILPANEL_STATE_DIR": str(state), **environ},
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )


def manage(state, *words, **how):
    return start(["manage.py", *words], state, **how)


def python(code, state, **how):
    return start(["-W", "ignore", "-c", code], state, **how)


@pytest.mark.parametrize("words", [["check"], ["migrate", "--help"], ["help"], ["doctor"]])
def test_a_command_that_only_looks_leaves_nothing_behind(tmp_path, words):
    done = manage(tmp_path / "state", *words)
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_importing_the_settings_leaves_nothing_behind(tmp_path):
    code = "import django; django.setup(); from django.conf import settings; settings.SECRET_KEY"
    done = python(code, tmp_path / "state", DJANGO_SETTINGS_MODULE="qmailpanel.settings")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_django_has_under_a_name_of_its_own_is_what_was_given(tmp_path):
    given = {
        "QMAILPANEL_TIME_ZONE": "Pacific/Auckland",
        "QMAILPANEL_MAIL_FROM": "panel@example.org",
        "QMAILPANEL_DEBUG": "on",
    }
    code = (
        "from django.conf import settings as s; print(s.TIME_ZONE, s.DEFAULT_FROM_EMAIL, s.DEBUG)"
    )
    done = python(code, tmp_path, DJANGO_SETTINGS_MODULE="qmailpanel.settings", **given)
    assert done.stdout == "Pacific/Auckland panel@example.org True\n", done.stderr


def test_the_first_command_that_works_makes_the_state_for_the_group_whatever_the_umask(tmp_path):
    state = tmp_path / "state"
    done = manage(state, "migrate", "--verbosity", "0", umask=0o077)
    assert (done.returncode, done.stderr) == (0, "")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state, *state.iterdir())}
    assert modes == {
        "state": 0o3770,
        "db.sqlite3": 0o660,
        "secret-key": 0o640,
        "factor-key": 0o640,
    }


def test_the_web_server_makes_its_state_and_signs_with_the_key_that_others_read(tmp_path):
    state = tmp_path / "state"
    code = (
        "from qmailpanel.wsgi import application; from django.conf import settings\n"
        "print(settings.SECRET_KEY, settings.QMAILPANEL_FACTOR_KEY)"
    )
    done = python(code, state)
    keys = [(state / name).read_text() for name in ("secret-key", "factor-key")]
    assert done.stdout.split() == keys


def test_the_web_server_says_only_the_sentence(tmp_path):
    done = python("import qmailpanel.wsgi", tmp_path / "state", QMAILPANEL_PORT="99999")
    (line,) = done.stderr.splitlines()
    assert (done.returncode, line.startswith("QMAILPANEL_PORT is '99999'")) == (1, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["check"], ["migrate"], ["qmailsync", "--once"]])
def test_a_command_says_only_the_sentence(tmp_path, words):
    done = manage(tmp_path / "state", *words, QMAILPANEL_MAIL_USER="root:0:0")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("QMAILPANEL_MAIL_USER is 'root:0:0', but must be name:uid:gid")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environ", "link", "text", "zone"),
    [
        ({"TZ": ":Europe/Berlin"}, "../usr/share/zoneinfo/Asia/Tokyo", "", "Europe/Berlin"),
        ({"TZ": "CET-1CEST"}, "/usr/share/zoneinfo/Asia/Tokyo", "", "Asia/Tokyo"),
        ({}, "", "Europe/Berlin\n", "Europe/Berlin"),
        ({}, "/usr/share/zoneinfo/Nowhere", "nonsense", "UTC"),
        ({}, "", "", "UTC"),
    ],
)
def test_the_time_zone_is_the_hosts_as_other_programs_have_it(tmp_path, environ, link, text, zone):
    if link:
        (tmp_path / "localtime").symlink_to(link)
    (tmp_path / "timezone").write_text(text)
    assert zone_of_host(environ, tmp_path) == zone
