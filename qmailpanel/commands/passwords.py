"""The options -passwd and -passwd_type, and PSA_PASSWORD in the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypedDict

from qmailpanel.commands.plesk import Misuse, Request
from qmailpanel.domains.models import Domain
from qmailpanel.qmail.secrets.passwords import weakness


class Opening(TypedDict, total=False):
    """What opens a mailbox: a password or the hash of one."""

    password: str
    stored: str


def read_opening(request: Request, domain: Domain, notice: Callable[[str], None]) -> Opening:
    """The password, or with -passwd_type crypt its hash; empty where none is given."""
    kind = request.options.get("passwd-type", "plain")
    if kind == "crypt":
        stored = os.environ.get("PSA_PASSWORD") or request.options.get("passwd")
        return {"stored": stored} if stored else {}
    if kind != "plain":
        raise Misuse("The option -passwd_type knows plain and crypt.")
    password = _read_password(request, domain, notice)
    return {} if password is None else {"password": password}


def _read_password(request: Request, domain: Domain, notice: Callable[[str], None]) -> str | None:
    """PSA_PASSWORD before -passwd, which every user of the host can read in ps(1)."""
    given = request.options.get("passwd")
    is_asked = given is not None or request.verb == "create" or not request.options
    password = (os.environ.get("PSA_PASSWORD") if is_asked else None) or given
    if password and password == given:
        notice("A password on the command line is no secret: use PSA_PASSWORD instead.")
    if password and (why := weakness(password, [request.name, domain.name])):
        notice(f"Warning: the password is weak. {why}")
    return password
