"""Pages call services in one way, so that what a service refuses is always answered."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PANEL = ROOT / "qmailpanel"
ACTORS = {"SYSTEM", "COMMAND", "Refused"}  # what only those name who act or refuse themselves


def page_files() -> list[Path]:
    """Those of `accounts` lie below `web.attempt`; nothing there refuses."""
    files = [*PANEL.rglob("*views.py"), *PANEL.rglob("*pages.py")]
    return sorted(file for file in files if PANEL / "accounts" not in file.parents)


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    yield from (node for node in tree.body if isinstance(node, ast.FunctionDef))


def takes_actor(function: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether somebody who acts is the first it is given."""
    first = next(iter(function.args.args), None)
    if first is None or isinstance(function, ast.Lambda):
        return first is not None and first.arg in ("actor", "_actor")
    return isinstance(first.annotation, ast.Name) and first.annotation.id == "Actor"


def refusals(trees: dict[str, ast.Module]) -> set[str]:
    """Refused and the classes made of it."""
    classes = [n for tree in trees.values() for n in tree.body if isinstance(n, ast.ClassDef)]
    known = {"Refused"}
    for _generation in range(3):
        known |= {c.name for c in classes if known & {ast.unparse(base) for base in c.bases}}
    return known


def refuses(function: ast.FunctionDef, known: set[str]) -> bool:
    raised = (node.exc for node in ast.walk(function) if isinstance(node, ast.Raise))
    return any(isinstance(it, ast.Call) and ast.unparse(it.func) in known for it in raised)


def find_services() -> set[str]:
    """The full names of all functions that act for somebody, or say no by themselves."""
    pages = page_files()
    files = [file for file in PANEL.rglob("*.py") if file not in pages]
    trees = {module_of(file): ast.parse(file.read_text()) for file in files}
    known = refusals(trees)
    return {
        f"{module}.{function.name}"
        for module, tree in trees.items()
        for function in functions(tree)
        if takes_actor(function) or refuses(function, known)
    }


SERVICES = find_services()


def imported(tree: ast.Module, module: str) -> dict[str, str]:
    """Each name that a module imports, and the full name of what it is."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            place = ".".join([*above, *([node.module] if node.module else [])])
            names |= {each.asname or each.name: f"{place}.{each.name}" for each in node.names}
    return names


def wrong_calls(source: str, module: str = "qmailpanel.domains.views") -> list[str]:
    """The calls of services that no actor was given for, and each actor made by hand."""
    tree = ast.parse(source)
    names = imported(tree, module)
    helpers = {function.name for function in functions(tree) if takes_actor(function)}
    wrong = [f"imports {name}" for name in sorted(ACTORS & set(names))]

    def look(node: ast.AST, *, has_actor: bool) -> None:
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            has_actor = has_actor or takes_actor(node)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            first, _dot, rest = called.partition(".")
            full = ".".join(filter(None, [names.get(first, first), rest]))
            is_service = full in SERVICES or called in helpers
            if called in ("Actor", "Actor.of") or (is_service and not has_actor):
                wrong.append(called)
        for child in ast.iter_child_nodes(node):
            look(child, has_actor=has_actor)

    look(tree, has_actor=False)
    return wrong


@pytest.mark.parametrize("file", page_files(), ids=lambda file: str(file.relative_to(PANEL)))
def test_a_page_calls_services_through_attempt_alone(file):
    assert wrong_calls(file.read_text(), module_of(file)) == []


def test_the_services_are_known():
    assert {
        "qmailpanel.domains.services.switch_domain",
        "qmailpanel.domains.renaming.rename_address",
        "qmailpanel.mailboxes.owners.set_own_password",
        "qmailpanel.mailboxes.opening.links.use_link",
        "qmailpanel.people.accepting.accept",
        "qmailpanel.console.going_back.find_way_back",
    } <= SERVICES
    assert "qmailpanel.mailboxes.services.mailbox_of" not in SERVICES


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("from . import services\nservices.switch_domain(actor, domain, on=on)", 1),
        ("from .services import switch_domain as go\ngo(actor, domain, on=on)", 1),
        ("from .renaming import rename_domain\ndef view(request):\n  rename_domain(request)", 1),
        ("from qmailpanel.mailboxes.opening.links import use_link\nuse_link(ip, token, text)", 1),
        ("def _change(actor: Actor): ...\n_change(Actor.of(request))", 2),
        ("from qmailpanel.ledger.actors import Refused", 1),
        (
            "from .services import add_domain\nattempt(r, f, lambda actor: add_domain(actor))",
            0,
        ),
        ("def _change(actor: Actor): ...\nattempt(r, None, lambda actor: _change(actor))", 0),
        ("from .services import remove_domain\nif remove_domain:\n  pass", 0),
    ],
)
def test_another_way_would_be_seen(source, seen):
    assert len(wrong_calls(source)) == seen


def test_where_no_attempt_is_nothing_refuses():
    for file in (PANEL / "accounts").rglob("*.py"):
        assert "Refused" not in file.read_text()
