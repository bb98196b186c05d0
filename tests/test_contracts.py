"""What import-linter cannot see of the directions in pyproject.toml."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RELATIONS = {"ForeignKey", "OneToOneField", "ManyToManyField"}


def floors() -> dict[str, int]:
    """How high each app lies; siblings share a floor."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (each for each in config["contracts"] if each["id"] == "floors")
    layers = [layer.split(" | ") for layer in reversed(contract["layers"])]
    return {app: height for height, layer in enumerate(layers) for app in layer}


def string_relations(source: str) -> Iterator[str]:
    """The models that are named by a string: `ForeignKey("domains.Domain")`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in RELATIONS:
            named = [word.value for word in node.keywords if word.arg == "to"]
            for target in [*node.args[:1], *named]:
                if isinstance(target, ast.Constant) and isinstance(target.value, str):
                    yield target.value


def points_up(app: str, target: str) -> bool:
    """Whether this relation of the app is an import that the floors forbid."""
    if "." not in target:
        return False
    other = target.partition(".")[0]
    return other != app and floors()[other] >= floors()[app]


def models_files() -> list[Path]:
    return sorted((ROOT / "qmailpanel").rglob("models.py"))


@pytest.mark.parametrize("file", models_files(), ids=lambda file: file.parent.name)
def test_a_foreign_key_written_as_a_string_counts_as_an_import(file):
    targets = string_relations(file.read_text())
    assert [target for target in targets if points_up(file.parent.name, target)] == []


def test_a_foreign_key_that_points_up_would_be_seen():
    source = 'class A(models.Model):\n    b = models.ForeignKey("sync.SyncRun", models.CASCADE)'
    (target,) = string_relations(source)
    assert points_up("domains", target)
    assert points_up("mailboxes", "aliases.Alias")
    assert not points_up("mailboxes", "domains.Address")
    assert not points_up("domains", "Domain")
