"""The qmail home of a host without qmail: the files a real one would have, below var/."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

EMPTY = {
    "control/me": b"localhost\n",
    "control/locals": b"",
    "control/rcpthosts": b"",
    "control/virtualdomains": b"",
    "users/assign": b".\n",
}


def is_embedded(home: Path) -> bool:
    """A home of the panel's own: the default one, or one that is not there yet."""
    return home == settings.QMAILPANEL_STATE_DIR / "qmail" or not home.exists()


def prepare_embedded_home(home: Path) -> None:
    """What is missing is made; what is there stays. An empty rcpthosts accepts nothing."""
    settings.QMAILPANEL_MAIL_ROOT.mkdir(parents=True, exist_ok=True)
    for name, content in EMPTY.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(content)
