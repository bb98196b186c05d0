"""Settings, all of them from the environment.

============================= =================================================================
Variable                      What it says (default)
============================= =================================================================
QMAILPANEL_QMAIL_HOME         The qmail home (embedded: ``qmail`` in the state directory)
QMAILPANEL_MAIL_ROOT          Where mail is kept (``mailnames`` in the qmail home)
QMAILPANEL_MAIL_USER          Who deliveries run as, name:uid:gid (popuser:110:31)
QMAILPANEL_FIRST_PREPEND      The prepend of the first domain (100)
QMAILPANEL_STATE_DIR          Database, fifo, keys (``var`` beside manage.py)
QMAILPANEL_SYNC_DIR           What sync remembers (``qmailpanel`` in the qmail home)
QMAILPANEL_HUP                How qmail-send is told: auto, none, or a command (auto; none for a
                              qmail home without bin/qmail-send)
QMAILPANEL_REJECTNONEXIST     control/rejectnonexist: auto (kept where it exists) or on (auto)
QMAILPANEL_RCPTHOSTS          How many domains control/rcpthosts holds; further ones go to
                              control/morercpthosts (1000)
QMAILPANEL_RECIPIENTS         Which list of known recipients qmail-smtpd asks: validrcptto,
                              recipients, none, or auto: the one that exists (auto)
QMAILPANEL_DELIVERQUOTA       The program that holds quotas: a path, none, or auto: where Debian's
                              maildrop or courier put it (auto)
QMAILPANEL_WARN_PERCENT       How full a mailbox is when its owner gets a mail, 0 for none (90)
QMAILPANEL_LOGIN_DIR          Where the files are by which people are let in (``logins`` in the
                              qmail home)
QMAILPANEL_DOVECOT            Whether a Dovecot reads them, so that a password is live when it has
                              looked: on, off, or auto: where the host has its group (auto)
QMAILPANEL_DOVECOT_QUOTA_RULE Whether the files tell Dovecot the quotas too, on or off; off: it has
                              them from maildirsize (off)
QMAILPANEL_MAILBOT            The program that answers mail: a path, none, or auto: where maildrop
                              or courier put it (auto)
QMAILPANEL_GENERATIONS        How many generations of each shared file are kept (50)
QMAILPANEL_RETENTION_DAYS     How long the mail of removed mailboxes is kept; 0: for ever (30)
QMAILPANEL_NODE               The name of this mail host in the database (main)
QMAILPANEL_HOST               Where the panel listens (127.0.0.1)
QMAILPANEL_PORT               … and on which port (8025)
QMAILPANEL_BASE_URL           The address people open (http://127.0.0.1:8025)
QMAILPANEL_OPERATOR           The operator that ``make run`` creates (operator@example.org)
QMAILPANEL_IMAP               Where mail programs read mail, as owners are told; empty for nowhere
                              (port 993 of the base URL's host)
QMAILPANEL_POP3               … where they fetch it (port 995 there)
QMAILPANEL_SMTP               … and where they send it (port 465 there)
QMAILPANEL_MAIL_FROM          The sender of the panel's own mail (qmailpanel@ the base URL's host)
QMAILPANEL_SECOND_FACTOR      Who needs a second factor: none, operators or everybody (operators)
QMAILPANEL_SECOND_FACTOR_DAYS How many days a new person has until then (7)
QMAILPANEL_HSTS_SECONDS       How long browsers keep to https, if the base URL does (31536000)
QMAILPANEL_TRUSTED_PROXIES    How many proxies stand before the panel and add the address they
                              see to X-Forwarded-For (0)
QMAILPANEL_RESOLVER           Who is asked in DNS whose a domain is, address:port (the system's)
QMAILPANEL_DEBUG              Django's debug pages, for development only (off)
DATABASE_URL                  The database (SQLite: ``db.sqlite3`` in the state directory)
EMAIL_URL                     How the panel sends its own mail, smtp://host:port or
                              sendmail:///usr/sbin/sendmail (smtp://localhost:25)
============================= =================================================================
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from qmailpanel.state_dir import make_database_file, prepare_state_dir, read_secret_key
from qmailpanel.web_address import allows_passkeys

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()


def _path(name: str, default: Path) -> Path:
    return Path(env.str(name, default="") or default).absolute()


def _number(name: str, default: int) -> int:
    try:
        return int(env.str(name, default="") or default)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number.") from None


QMAILPANEL_STATE_DIR = _path("QMAILPANEL_STATE_DIR", BASE_DIR / "var")
prepare_state_dir(QMAILPANEL_STATE_DIR)

# the mail host

QMAILPANEL_QMAIL_HOME = _path("QMAILPANEL_QMAIL_HOME", QMAILPANEL_STATE_DIR / "qmail")
QMAILPANEL_MAIL_ROOT = _path("QMAILPANEL_MAIL_ROOT", QMAILPANEL_QMAIL_HOME / "mailnames")
QMAILPANEL_MAIL_USER = env.str("QMAILPANEL_MAIL_USER", default="popuser:110:31")
QMAILPANEL_FIRST_PREPEND = _number("QMAILPANEL_FIRST_PREPEND", 100)
QMAILPANEL_SYNC_DIR = _path("QMAILPANEL_SYNC_DIR", QMAILPANEL_QMAIL_HOME / "qmailpanel")
QMAILPANEL_HUP = env.str(
    "QMAILPANEL_HUP",
    default="auto" if (QMAILPANEL_QMAIL_HOME / "bin" / "qmail-send").exists() else "none",
)
QMAILPANEL_REJECTNONEXIST = env.str("QMAILPANEL_REJECTNONEXIST", default="auto")
QMAILPANEL_RECIPIENTS = env.str("QMAILPANEL_RECIPIENTS", default="auto")
if QMAILPANEL_RECIPIENTS not in ("auto", "none", "validrcptto", "recipients"):
    raise ImproperlyConfigured(
        "QMAILPANEL_RECIPIENTS must be auto, none, validrcptto or recipients."
    )
QMAILPANEL_DELIVERQUOTA = env.str("QMAILPANEL_DELIVERQUOTA", default="auto")
QMAILPANEL_WARN_PERCENT = _number("QMAILPANEL_WARN_PERCENT", 90)
QMAILPANEL_LOGIN_DIR = _path("QMAILPANEL_LOGIN_DIR", QMAILPANEL_QMAIL_HOME / "logins")
QMAILPANEL_DOVECOT = env.str("QMAILPANEL_DOVECOT", default="auto")
if QMAILPANEL_DOVECOT not in ("auto", "on", "off"):
    raise ImproperlyConfigured("QMAILPANEL_DOVECOT must be auto, on or off.")
QMAILPANEL_DOVECOT_QUOTA_RULE = env.str("QMAILPANEL_DOVECOT_QUOTA_RULE", default="off")
if QMAILPANEL_DOVECOT_QUOTA_RULE not in ("on", "off"):
    raise ImproperlyConfigured("QMAILPANEL_DOVECOT_QUOTA_RULE must be on or off.")
QMAILPANEL_MAILBOT = env.str("QMAILPANEL_MAILBOT", default="auto")
QMAILPANEL_RCPTHOSTS = _number("QMAILPANEL_RCPTHOSTS", 1_000)
QMAILPANEL_GENERATIONS = _number("QMAILPANEL_GENERATIONS", 50)
QMAILPANEL_RETENTION_DAYS = _number("QMAILPANEL_RETENTION_DAYS", 30)
if QMAILPANEL_RETENTION_DAYS < 0:
    raise ImproperlyConfigured("QMAILPANEL_RETENTION_DAYS must be 0 or more.")
QMAILPANEL_NODE = env.str("QMAILPANEL_NODE", default="main")
QMAILPANEL_FIFO = QMAILPANEL_STATE_DIR / "sync.fifo"

# the web process

QMAILPANEL_HOST = env.str("QMAILPANEL_HOST", default="127.0.0.1")
QMAILPANEL_PORT = _number("QMAILPANEL_PORT", 8025)
QMAILPANEL_BASE_URL = env.str(
    "QMAILPANEL_BASE_URL", default=f"http://{QMAILPANEL_HOST}:{QMAILPANEL_PORT}"
).rstrip("/")
QMAILPANEL_RESOLVER = env.str("QMAILPANEL_RESOLVER", default="")
QMAILPANEL_OPERATOR = env.str("QMAILPANEL_OPERATOR", default="operator@example.org")

_base = urlsplit(QMAILPANEL_BASE_URL)
if _base.scheme not in ("http", "https") or not _base.hostname:
    raise ImproperlyConfigured("QMAILPANEL_BASE_URL must look like https://panel.example.org.")
_is_https = _base.scheme == "https"


def _server(name: str, port: int) -> str:
    """host:port, or empty."""
    place: str = env.str(name, default=f"{_base.hostname}:{port}")
    host, _colon, number = place.rpartition(":")
    if place and not (host and number.isdigit()):
        raise ImproperlyConfigured(f"{name} must look like mail.example.org:{port}.")
    return place


QMAILPANEL_IMAP = _server("QMAILPANEL_IMAP", 993)
QMAILPANEL_POP3 = _server("QMAILPANEL_POP3", 995)
QMAILPANEL_SMTP = _server("QMAILPANEL_SMTP", 465)

QMAILPANEL_SECOND_FACTOR = env.str("QMAILPANEL_SECOND_FACTOR", default="operators")
if QMAILPANEL_SECOND_FACTOR not in ("none", "operators", "everybody"):
    raise ImproperlyConfigured("QMAILPANEL_SECOND_FACTOR must be none, operators or everybody.")
QMAILPANEL_SECOND_FACTOR_DAYS = _number("QMAILPANEL_SECOND_FACTOR_DAYS", 7)
QMAILPANEL_TRUSTED_PROXIES = _number("QMAILPANEL_TRUSTED_PROXIES", 0)

DEBUG = env.bool("QMAILPANEL_DEBUG", default=False)
SECRET_KEY = read_secret_key(QMAILPANEL_STATE_DIR / "secret-key")
QMAILPANEL_FACTOR_KEY = read_secret_key(QMAILPANEL_STATE_DIR / "factor-key")
ALLOWED_HOSTS = [_base.hostname, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
ROOT_URLCONF = "qmailpanel.urls"
WSGI_APPLICATION = "qmailpanel.wsgi.application"

INSTALLED_APPS = [
    "qmailpanel.console.apps.ConsoleConfig",
    "qmailpanel.commands.apps.CommandsConfig",
    "qmailpanel.sync.apps.SyncConfig",
    "qmailpanel.activity.apps.ActivityConfig",
    "qmailpanel.people.apps.PeopleConfig",
    "qmailpanel.mailboxes.apps.MailboxesConfig",
    "qmailpanel.aliases.apps.AliasesConfig",
    "qmailpanel.domains.apps.DomainsConfig",
    "qmailpanel.web.apps.WebConfig",
    "qmailpanel.reports.apps.ReportsConfig",
    "qmailpanel.accounts.apps.AccountsConfig",
    "qmailpanel.ledger.apps.LedgerConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "csp",
]

MIDDLEWARE = [
    "qmailpanel.accounts.middleware.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "qmailpanel.accounts.middleware.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "qmailpanel.accounts.middleware.SignInRequiredMiddleware",
    "qmailpanel.accounts.middleware.PasswordRequiredMiddleware",
    "qmailpanel.accounts.middleware.SecondFactorRequiredMiddleware",
    "qmailpanel.mailboxes.own.middleware.OwnPasswordRequiredMiddleware",
]

# The loader and the builtin are template-partials' own set-up, without importing the admin.
_loaders = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
_cached = [("django.template.loaders.cached.Loader", _loaders)]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "django_htmx.templatetags.django_htmx",
                "template_partials.templatetags.partials",
                "qmailpanel.web.templatetags.panel",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ],
            "loaders": [("template_partials.loader.Loader", _loaders if DEBUG else _cached)],
        },
    }
]

# the database

_sqlite = QMAILPANEL_STATE_DIR / "db.sqlite3"
_database: dict[str, Any] = (
    env.db_url("DATABASE_URL")
    if env.str("DATABASE_URL", default="")
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": _sqlite}
)
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that reads first and writes later must not fail half-way
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }
    if _database["NAME"] == _sqlite:
        make_database_file(_sqlite)
DATABASES = {"default": {**_database, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate limits count in the cache, and every process must see the same count.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        # a full cache throws counts out, so nobody may fill it by guessing under many names
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# people

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "qmailpanel.accounts.backend.Backend",
    "qmailpanel.mailboxes.owners.MailboxBackend",
]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "qmailpanel.accounts.passwords.GuessableValidator"}]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_ADAPTER = "qmailpanel.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
PASSWORD_RESET_TIMEOUT = 60 * 60
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_FORMS = {"user_token": "qmailpanel.accounts.forms.ResetLinkForm"}

MFA_ADAPTER = "qmailpanel.accounts.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
if allows_passkeys(QMAILPANEL_BASE_URL):
    MFA_SUPPORTED_TYPES.append("webauthn")
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = f"qmailpanel {_base.hostname}"
MFA_TOTP_TOLERANCE = 1  # clocks differ; forms.use_code() keeps a code from working again
_forms = "qmailpanel.accounts.forms"
MFA_FORMS = {
    "activate_totp": f"{_forms}.ActivateCodesForm",
    "add_webauthn": f"{_forms}.AddPasskeyForm",
    "authenticate": f"{_forms}.SecondStepForm",
    "authenticate_webauthn": f"{_forms}.SecondStepByPasskeyForm",
    "login_webauthn": f"{_forms}.SignInByPasskeyForm",
    "reauthenticate": f"{_forms}.ConfirmByCodeForm",
    "reauthenticate_webauthn": f"{_forms}.ConfirmByPasskeyForm",
}
USERSESSIONS_TRACK_ACTIVITY = False

# two panels on one host name; the prefix keeps other hosts of the domain from setting them
_prefix = "__Host-" if _is_https else ""
SESSION_COOKIE_NAME = f"{_prefix}qmailpanel-{QMAILPANEL_PORT}"
CSRF_COOKIE_NAME = f"{_prefix}qmailpanel-csrf-{QMAILPANEL_PORT}"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# the browser

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = _number("QMAILPANEL_HSTS_SECONDS", 31_536_000) if _is_https else 0
if QMAILPANEL_TRUSTED_PROXIES and _is_https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
_nobody = (
    "accelerometer camera display-capture geolocation gyroscope hid magnetometer microphone midi"
    " payment serial usb"
)
PERMISSIONS_POLICY = {
    "publickey-credentials-create": "(self)",
    "publickey-credentials-get": "(self)",
    **dict.fromkeys(_nobody.split(), "()"),
}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # an address names one person; owners of mailboxes sign in by another backend
    "security.W002",  # frame-ancestors above says what X-Frame-Options would
    "security.W005",  # what other hosts of the domain do
    "security.W021",  # is not the panel's to say
    "security.W008",  # the redirect to HTTPS belongs to the proxy that speaks HTTPS
]

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = QMAILPANEL_STATE_DIR / "static"
# Collected files have hashed names and are kept by browsers; a bare checkout serves its sources.
STORAGES = {"staticfiles": {"BACKEND": "qmailpanel.static_files.CollectedOrNot"}}
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()

# words and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# mail of the panel's own, and the log

env.EMAIL_SCHEMES["sendmail"] = "qmailpanel.accounts.sendmail.EmailBackend"
EMAIL_SENDMAIL = urlsplit(env.str("EMAIL_URL", default="")).path or "/usr/sbin/sendmail"
_mail: dict[str, Any] = env.email_url("EMAIL_URL", default="smtp://localhost:25")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail["EMAIL_PORT"]
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("QMAILPANEL_MAIL_FROM", default=f"qmailpanel@{_base.hostname}")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
