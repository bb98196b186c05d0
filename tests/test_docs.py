"""What the documents name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("[bq]*/*.md")]
MODULE = re.compile(r"\w+(?:/\w+)+\.py")
FUNCTION = re.compile(r"`([\w/]+\.py): (\w+)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def find(module: str) -> Path | None:
    paths = (root / module for root in (ROOT, ROOT / "qmailpanel"))
    return next((path for path in paths if path.is_file()), None)


def text_of(module: str) -> str:
    path = find(module)
    return path.read_text() if path else ""


def missing_names(text: str, place: Path) -> Iterator[str]:
    """Modules, functions in modules, and targets of links that do not exist."""
    for module in MODULE.findall(text):
        if not find(module):
            yield module
    for module, name in FUNCTION.findall(text):
        if not re.search(rf"^\s*(def|class) {name}\b", text_of(module), re.MULTILINE):
            yield f"{module}: {name}"
    for target in LINK.findall(text):
        if not (place / target).exists():
            yield target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(document):
    assert list(missing_names(document.read_text(), document.parent)) == []


def test_what_is_not_there_would_be_seen():
    text = "`qmail/nothing.py`, `qmail/names.py: nothing` and [a page](nothing.md)"
    found = ["qmail/nothing.py", "qmail/names.py: nothing", "nothing.md"]
    assert list(missing_names(text, ROOT)) == found
