"""The words of all apps: what each has in its module `words`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule

from qmailpanel.ledger.wording import Words


@cache
def all_words() -> Mapping[str, Words]:
    """By noun; each noun belongs to one app."""
    by_noun: dict[str, Words] = {}
    for app in apps_with_words():
        by_noun |= import_module(f"{app.name}.words").WORDS
    return by_noun


def apps_with_words() -> list[AppConfig]:
    return [app for app in apps.get_app_configs() if module_has_submodule(app.module, "words")]
