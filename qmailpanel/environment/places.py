"""Settings that say where things are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qmailpanel.environment import kinds
from qmailpanel.environment.setting import Setting, Values

BASE_DIR = Path(__file__).resolve().parents[2]


def _below(name: str, child: str) -> Callable[[Values], Path]:
    return lambda above: above[name] / child


PLACES = (
    Setting(
        "QMAILPANEL_STATE_DIR",
        kinds.PATH,
        BASE_DIR / "var",
        "where the panel keeps database, fifo and keys",
        "`var` beside `manage.py`",
    ),
    Setting(
        "QMAILPANEL_QMAIL_HOME",
        kinds.PATH,
        _below("QMAILPANEL_STATE_DIR", "qmail"),
        "the qmail home",
        "embedded: `qmail` in the state directory",
    ),
    Setting(
        "QMAILPANEL_MAIL_ROOT",
        kinds.MAIL_ROOT,
        _below("QMAILPANEL_QMAIL_HOME", "mailnames"),
        "where mail is kept",
        "`mailnames` in the qmail home",
    ),
    Setting(
        "QMAILPANEL_SYNC_DIR",
        kinds.PATH,
        _below("QMAILPANEL_QMAIL_HOME", "qmailpanel"),
        "what the sync service remembers; only it may write there",
        "`qmailpanel` in the qmail home",
    ),
    Setting(
        "QMAILPANEL_LOGIN_DIR",
        kinds.PATH,
        _below("QMAILPANEL_QMAIL_HOME", "logins"),
        "where the files are by which people are let in",
        "`logins` in the qmail home",
    ),
    Setting(
        "DATABASE_URL",
        kinds.DATABASE,
        None,
        "the database; for PostgreSQL install `requirements-postgres.txt`",
        "SQLite in the state directory",
        is_secret=True,
    ),
)
