"""The values of all settings, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from django.core.exceptions import ImproperlyConfigured

from qmailpanel.environment.declared import SETTINGS
from qmailpanel.environment.setting import Values

PREFIX = "QMAILPANEL_"


def read_settings(environ: Mapping[str, str]) -> Values:
    """The value of every setting. Raises ImproperlyConfigured with one sentence."""
    _refuse_unknown(environ)
    values: Values = {}
    for name, setting in SETTINGS.items():
        if name in environ:
            values[name] = setting.read(environ[name], values)
        else:
            values[name] = setting.default_value(values)
    return values


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    for name in environ:
        if name.startswith(PREFIX) and name not in SETTINGS:
            close = get_close_matches(name, SETTINGS, n=1, cutoff=0.8)
            meant = f"write {close[0]}, if that is meant" if close else "docs/settings.md has all"
            raise ImproperlyConfigured(f"{name} is no setting of the panel: {meant}.")
