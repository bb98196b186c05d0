"""What import-linter cannot see of the directions in pyproject.toml."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PANEL = ROOT / "qmailpanel"

# from the ground up; `pages`: what views of an app share
MODELS = ("models",)
SERVICES = ("services",)
FORMS = ("forms",)
PAGES = (
    "pages",
    "badge",
    "frame",
    "pulse",
    "lists",
    "row",
    "picture",
    "needs",
    "overview",
    "words",
)
VIEWS = ("views", "*_views", "middleware")
URLS = ("urls",)
INSIDE = (MODELS, SERVICES, FORMS, PAGES, VIEWS, URLS)
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
    return sorted(PANEL.rglob("models.py"))


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


# inside an app: what import-linter's patterns cannot say


@cache
def imports() -> dict[str, set[str]]:
    """Each module of the panel, migrations left out, and the modules that it imports."""
    graph = grimp.build_graph("qmailpanel", cache_dir=None)
    modules = {module for module in graph.modules if ".migrations" not in module}
    return {one: graph.find_modules_directly_imported_by(one) & modules for one in modules}


def app_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def height_inside(module: str) -> int:
    """How high a module lies inside its app; what no pattern names is on the services' floor."""
    name = module.rpartition(".")[2]
    for height, patterns in enumerate(INSIDE):
        if any(fnmatch(name, pattern) for pattern in patterns):
            return height
    return INSIDE.index(SERVICES)


def runs_up(importer: str, imported: str) -> bool:
    """Whether the floors inside their app forbid this import. No view imports a view."""
    if app_of(importer) != app_of(imported) or app_of(importer) == "qmail":
        return False
    here, there = height_inside(importer), height_inside(imported)
    return there > here or here == there == INSIDE.index(VIEWS)


def circles(arrows: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The groups of nodes each of which leads to all others of its group."""
    reach = {node: reachable(node, arrows) for node in arrows}
    groups = {tuple(sorted(b for b in reach[a] if a in reach[b])) for a in arrows if a in reach[a]}
    return [list(group) for group in sorted(groups)]


def reachable(node: str, arrows: Mapping[str, Iterable[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = list(arrows[node])
    while ahead:
        one = ahead.pop()
        if one not in seen:
            seen.add(one)
            ahead.extend(arrows.get(one, ()))
    return seen


def slice_of(module: str) -> str:
    """The slice of an app that a module is in; a module of none stands for itself."""
    return ".".join(module.split(".")[:3])


def test_every_app_is_looked_at_and_every_module_of_it():
    files = {path for path in PANEL.rglob("*.py") if "migrations" not in path.parts}
    dotted = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    assert {name.removesuffix(".__init__") for name in dotted} == set(imports())


def test_inside_an_app_nothing_points_back():
    assert [
        (importer, imported)
        for importer, found in sorted(imports().items())
        for imported in sorted(found)
        if runs_up(importer, imported)
    ] == []


def test_no_file_leads_back_to_itself():
    assert circles(imports()) == []


def test_below_its_views_no_slice_leads_back_to_itself():
    below = [one for one in imports() if height_inside(one) < INSIDE.index(VIEWS)]
    between: dict[str, set[str]] = defaultdict(set)
    for importer in below:
        here = slice_of(importer)
        between[here] |= {slice_of(one) for one in imports()[importer] & set(below)} - {here}
    assert circles(between) == []


def test_an_arrow_back_and_a_circle_would_be_seen():
    assert runs_up("qmailpanel.domains.access.rights", "qmailpanel.domains.names.views")
    assert runs_up("qmailpanel.domains.views", "qmailpanel.domains.settings_views")
    assert runs_up("qmailpanel.mailboxes.models", "qmailpanel.mailboxes.opening.links")
    assert not runs_up("qmailpanel.domains.settings_views", "qmailpanel.domains.forms")
    assert circles({"a": ["b"], "b": ["c"], "c": ["b"]}) == [["b", "c"]]
