"""Settings of the panel itself, and of what it tells about mail programs."""

from __future__ import annotations

import os
from collections.abc import Callable

from qmailpanel.environment import kinds
from qmailpanel.environment.host_zone import zone_of_host
from qmailpanel.environment.kinds import number, one_of
from qmailpanel.environment.setting import Setting, Values
from qmailpanel.web_address import WebAddress


def _on_port(port: int) -> Callable[[Values], str]:
    return lambda above: f"{_base_url(above).host}:{port}"


def _base_url(above: Values) -> WebAddress:
    base: WebAddress = above["QMAILPANEL_BASE_URL"]
    return base


def _own_url(above: Values) -> WebAddress:
    return WebAddress.of("http", above["QMAILPANEL_HOST"], above["QMAILPANEL_PORT"])


def _own_address(above: Values) -> str:
    return f"qmailpanel@{_base_url(above).host}"


WEB = (
    Setting("QMAILPANEL_HOST", kinds.HOST, "127.0.0.1", "where the panel listens"),
    Setting("QMAILPANEL_PORT", kinds.PORT, 8025, "on which port"),
    Setting(
        "QMAILPANEL_BASE_URL",
        kinds.WEB_ADDRESS,
        _own_url,
        "the address people open",
        "`http://127.0.0.1:8025`, with the host and the port above",
    ),
    Setting(
        "QMAILPANEL_TRUSTED_PROXIES",
        number(0, 100),
        0,
        "how many proxies stand before the panel and add the address they see to "
        "`X-Forwarded-For`; "
        "each must drop headers with an underscore, as nginx does",
    ),
    Setting(
        "QMAILPANEL_HSTS_SECONDS",
        number(0, 315_360_000),
        31_536_000,
        "how long browsers keep to https, if the base URL does",
    ),
    Setting(
        "QMAILPANEL_SECOND_FACTOR",
        one_of("none", "operators", "everybody"),
        "operators",
        "who needs a second factor: codes of an app, or a passkey",
    ),
    Setting(
        "QMAILPANEL_SECOND_FACTOR_DAYS",
        number(0, 3_650),
        7,
        "how many days a new person or operator has until then",
    ),
    Setting(
        "QMAILPANEL_OPERATOR",
        kinds.ADDRESS,
        "operator@example.org",
        "the operator that `make run` creates",
    ),
    Setting(
        "QMAILPANEL_TIME_ZONE",
        kinds.TIME_ZONE,
        lambda _above: zone_of_host(os.environ),
        "in which time zone days begin and end, and times are shown to whoever chose none",
        "the host's",
    ),
    Setting(
        "QMAILPANEL_RESOLVER",
        kinds.RESOLVER,
        "",
        "who is asked in DNS whose a domain is",
        "the system's resolver",
    ),
    Setting(
        "QMAILPANEL_DEBUG",
        kinds.SWITCH,
        "off",
        "Django's debug pages, for development only",
    ),
)

MAIL = (
    Setting(
        "QMAILPANEL_IMAP",
        kinds.PLACE,
        _on_port(993),
        "where mail programs read mail, as owners are told; empty: nowhere",
        "port 993 of the base URL's host",
        may_be_empty=True,
    ),
    Setting(
        "QMAILPANEL_POP3",
        kinds.PLACE,
        _on_port(995),
        "where they fetch it",
        "port 995 there",
        may_be_empty=True,
    ),
    Setting(
        "QMAILPANEL_SMTP",
        kinds.PLACE,
        _on_port(465),
        "where they send it",
        "port 465 there",
        may_be_empty=True,
    ),
    Setting(
        "QMAILPANEL_MAIL_FROM",
        kinds.ADDRESS,
        _own_address,
        "the sender of the panel's own mail",
        "`qmailpanel@` the base URL's host",
    ),
    Setting(
        "EMAIL_URL",
        kinds.MAIL,
        kinds.MAIL.read("smtp://localhost:25"),
        "how the panel sends its own mail; localhost must relay for 127.0.0.1, and sendmail cannot "
        "do it below `NoNewPrivileges`, which the units of systemd set",
        "`smtp://localhost:25`",
        is_secret=True,
    ),
)
