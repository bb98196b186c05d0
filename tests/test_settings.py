"""The settings are documented where they are read and where people look for them."""

from __future__ import annotations

import re
from pathlib import Path

import qmailpanel.settings

ROOT = Path(__file__).parents[1]
VARIABLE = re.compile(r"\b(?:QMAILPANEL_[A-Z0-9_]+|DATABASE_URL|EMAIL_URL)\b")
FOR_DEVELOPERS = {"QMAILPANEL_DEBUG"}


def read_variables():
    source = (ROOT / "qmailpanel" / "settings.py").read_text()
    return set(re.findall(r'(?:env\.\w+|_path|_number|_server)\(\s*"([A-Z0-9_]+)"', source))


def test_every_variable_that_is_read_is_documented_and_no_other():
    assert set(VARIABLE.findall(qmailpanel.settings.__doc__ or "")) == read_variables()


def test_the_readme_has_every_variable_of_the_settings():
    assert read_variables() - FOR_DEVELOPERS <= set(
        VARIABLE.findall((ROOT / "README.md").read_text())
    )
