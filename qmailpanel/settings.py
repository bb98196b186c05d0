"""Django's settings. What the environment may say is declared in `environment/`."""

import os
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from qmailpanel import browser_policy
from qmailpanel.environment.places import BASE_DIR
from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import DATABASE, FACTOR_KEY, KEY, read_secret_key, refuse_outsiders
from qmailpanel.web_address import WebAddress

_given = read_settings(os.environ)

QMAILPANEL_STATE_DIR: Path = _given["QMAILPANEL_STATE_DIR"]
refuse_outsiders(QMAILPANEL_STATE_DIR)

# the mail host

QMAILPANEL_QMAIL_HOME: Path = _given["QMAILPANEL_QMAIL_HOME"]
QMAILPANEL_MAIL_ROOT: Path = _given["QMAILPANEL_MAIL_ROOT"]
QMAILPANEL_SYNC_DIR: Path = _given["QMAILPANEL_SYNC_DIR"]
QMAILPANEL_LOGIN_DIR: Path = _given["QMAILPANEL_LOGIN_DIR"]
QMAILPANEL_MAIL_USER: str = _given["QMAILPANEL_MAIL_USER"]
QMAILPANEL_FIRST_PREPEND: int = _given["QMAILPANEL_FIRST_PREPEND"]
QMAILPANEL_HUP: str = _given["QMAILPANEL_HUP"]
QMAILPANEL_REJECTNONEXIST: str = _given["QMAILPANEL_REJECTNONEXIST"]
QMAILPANEL_RCPTHOSTS: int = _given["QMAILPANEL_RCPTHOSTS"]
QMAILPANEL_RECIPIENTS: str = _given["QMAILPANEL_RECIPIENTS"]
QMAILPANEL_DELIVERQUOTA: str = _given["QMAILPANEL_DELIVERQUOTA"]
QMAILPANEL_MAILBOT: str = _given["QMAILPANEL_MAILBOT"]
QMAILPANEL_ASK_GROUP: str = _given["QMAILPANEL_ASK_GROUP"]
QMAILPANEL_DOVECOT: str = _given["QMAILPANEL_DOVECOT"]
QMAILPANEL_DOVECOT_QUOTA_RULE: str = _given["QMAILPANEL_DOVECOT_QUOTA_RULE"]
QMAILPANEL_RETENTION_DAYS: int = _given["QMAILPANEL_RETENTION_DAYS"]
QMAILPANEL_WARN_PERCENT: int = _given["QMAILPANEL_WARN_PERCENT"]
QMAILPANEL_GENERATIONS: int = _given["QMAILPANEL_GENERATIONS"]
QMAILPANEL_NODE: str = _given["QMAILPANEL_NODE"]
QMAILPANEL_FIFO = QMAILPANEL_STATE_DIR / "sync.fifo"

# the web process

QMAILPANEL_HOST: str = _given["QMAILPANEL_HOST"]
QMAILPANEL_PORT: int = _given["QMAILPANEL_PORT"]
QMAILPANEL_BASE_URL: WebAddress = _given["QMAILPANEL_BASE_URL"]
QMAILPANEL_TRUSTED_PROXIES: int = _given["QMAILPANEL_TRUSTED_PROXIES"]
QMAILPANEL_SECOND_FACTOR: str = _given["QMAILPANEL_SECOND_FACTOR"]
QMAILPANEL_SECOND_FACTOR_DAYS: int = _given["QMAILPANEL_SECOND_FACTOR_DAYS"]
QMAILPANEL_OPERATOR: str = _given["QMAILPANEL_OPERATOR"]
QMAILPANEL_RESOLVER: str = _given["QMAILPANEL_RESOLVER"]
QMAILPANEL_IMAP: str = _given["QMAILPANEL_IMAP"]
QMAILPANEL_POP3: str = _given["QMAILPANEL_POP3"]
QMAILPANEL_SMTP: str = _given["QMAILPANEL_SMTP"]

DEBUG = _given["QMAILPANEL_DEBUG"] == "on"
SECRET_KEY = read_secret_key(QMAILPANEL_STATE_DIR / KEY)
QMAILPANEL_FACTOR_KEY = read_secret_key(QMAILPANEL_STATE_DIR / FACTOR_KEY)
ALLOWED_HOSTS = [QMAILPANEL_BASE_URL.host, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [str(QMAILPANEL_BASE_URL)]
ROOT_URLCONF = "qmailpanel.urls"
WSGI_APPLICATION = "qmailpanel.wsgi.application"

INSTALLED_APPS = [
    "qmailpanel.console.apps.ConsoleConfig",
    "qmailpanel.commands.apps.CommandsConfig",
    "qmailpanel.find.apps.FindConfig",
    "qmailpanel.today.apps.TodayConfig",
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
    "django.contrib.humanize",
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
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "qmailpanel.web.middleware.NothingKeptMiddleware",  # below it: static files are kept
    "django.contrib.sessions.middleware.SessionMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "qmailpanel.accounts.middleware.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "qmailpanel.accounts.middleware.SignInRequiredMiddleware",
    "qmailpanel.accounts.middleware.PasswordRequiredMiddleware",
    "qmailpanel.accounts.middleware.SecondFactorRequiredMiddleware",
    "qmailpanel.domains.middleware.RenamedDomainMiddleware",
    "qmailpanel.mailboxes.own.middleware.OwnerMiddleware",
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
                "django.contrib.humanize.templatetags.humanize",
                "django_htmx.templatetags.django_htmx",
                "template_partials.templatetags.partials",
                "qmailpanel.web.templatetags.panel",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "loaders": [("template_partials.loader.Loader", _loaders if DEBUG else _cached)],
        },
    }
]

# the database

_database: dict[str, Any] = _given["DATABASE_URL"] or {
    "ENGINE": "qmailpanel.sqlite3",
    "NAME": QMAILPANEL_STATE_DIR / DATABASE,
}
if _database["ENGINE"] == "qmailpanel.sqlite3":
    # IMMEDIATE: a transaction that reads first and writes later must not fail half-way
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
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
PASSWORD_HASHERS = ["qmailpanel.accounts.hashers.BoundedArgon2"]
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
ACCOUNT_FORMS = {
    "login": "qmailpanel.accounts.forms.SignInForm",
    "reset_password": "qmailpanel.accounts.forms.ResetForm",
    "user_token": "qmailpanel.accounts.forms.ResetLinkForm",
}
# by client alone: what strangers do must not keep a mail from whom it belongs to
ACCOUNT_RATE_LIMITS = {"reset_password": "5/m/ip", "reset_mail": "5/10m/key", "prove": "5/m/user"}

MFA_ADAPTER = "qmailpanel.accounts.adapter.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
if QMAILPANEL_BASE_URL.allows_passkeys:
    MFA_SUPPORTED_TYPES.append("webauthn")
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = f"qmailpanel {QMAILPANEL_BASE_URL.host}"
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
_prefix = "__Host-" if QMAILPANEL_BASE_URL.is_https else ""
SESSION_COOKIE_NAME = f"{_prefix}qmailpanel-{QMAILPANEL_PORT}"
CSRF_COOKIE_NAME = f"{_prefix}qmailpanel-csrf-{QMAILPANEL_PORT}"
QMAILPANEL_SAID_COOKIE = f"{_prefix}qmailpanel-said-{QMAILPANEL_PORT}"
MESSAGE_STORAGE = "qmailpanel.web.said.SaidStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = QMAILPANEL_BASE_URL.is_https
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# the browser

SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = _given["QMAILPANEL_HSTS_SECONDS"] if QMAILPANEL_BASE_URL.is_https else 0
if QMAILPANEL_TRUSTED_PROXIES and QMAILPANEL_BASE_URL.is_https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_NUMBER_FILES = 0  # no form has any

PERMISSIONS_POLICY = browser_policy.PERMISSIONS
CONTENT_SECURITY_POLICY = browser_policy.CONTENT

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
FILE_UPLOAD_DIRECTORY_PERMISSIONS, FILE_UPLOAD_PERMISSIONS = 0o755, 0o644  # static files are these
# Collected files have hashed names and are kept by browsers; a bare checkout serves its sources.
STORAGES = {"staticfiles": {"BACKEND": "qmailpanel.static_files.CollectedOrNot"}}
WHITENOISE_USE_FINDERS = DEBUG or not (STATIC_ROOT / "staticfiles.json").exists()

# words and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE: str = _given["QMAILPANEL_TIME_ZONE"]

# mail of the panel's own, and the log

_mail: dict[str, Any] = _given["EMAIL_URL"]
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"]
EMAIL_PORT: int = _mail["EMAIL_PORT"]
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS: bool = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL: bool = _mail.get("EMAIL_USE_SSL", False)
EMAIL_SENDMAIL: str = _mail["EMAIL_SENDMAIL"]
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL: str = _given["QMAILPANEL_MAIL_FROM"]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "filters": {"strangers": {"()": "qmailpanel.web.log_lines.WithoutTraceback"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["strangers"],
        }
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {"django": {"handlers": [], "level": "INFO", "propagate": True}},
}
