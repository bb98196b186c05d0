"""Which release of the panel this is."""

from __future__ import annotations

import tomllib
from functools import cache

from qmailpanel.environment.places import BASE_DIR


@cache
def read_version() -> str:
    """As pyproject.toml says it, the one place."""
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])
