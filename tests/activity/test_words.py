"""The words of every service: none is missing, none raw, none dead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from django.db import models, transaction

from qmailpanel.accounts.models import User
from qmailpanel.activity.gathering import all_words, apps_with_words
from qmailpanel.activity.sentences import sentence_of
from qmailpanel.activity.services import Entry, list_entries
from qmailpanel.domains.models import Domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.ledger.models import LedgerHead, Noun, Verb
from qmailpanel.ledger.services import ledger_locked, record
from tests.kit.every_service import CASES
from tests.kit.every_service.world import Case, World
from tests.kit.zone import Zone, serve

SOURCES = Path(__file__).parents[2] / "qmailpanel"
FACES = {"views", "commands", "migrations", "management"}  # what calls services
PARTS = {  # what services are made of, and what changes nothing that the ledger tells
    "domains.access.rights",
    "domains.addresses.services",
    "domains.access.deed",
    "ledger.services",
    "mailboxes.owners.owner_of",
    "mailboxes.owners.own_deed",
    "people.granting",
    "people.grants.give",
    "people.invitations.record_invitations",
}
LOCKS = {"ledger_locked", "deed"}
RAW = re.compile(r"True|False|None|\d{7,}|\d{4}-\d\d-\d\dT.*|[0-9a-f]{32,}|[\[{].*")


@pytest.fixture
def zone(settings, db) -> Iterator[Zone]:
    with serve() as (zone, address):
        settings.QMAILPANEL_RESOLVER = address
        yield zone


def run(case: Case, zone: Zone) -> list[Entry]:
    """The changes of the call, oldest first, as an operator sees them."""
    world = World(zone)
    case.before(world)
    last = LedgerHead.objects.get().last
    case.call(world)
    rows = list_entries(User.objects.get(email="root@example.org")).rows
    return [entry for entry in reversed(rows) if entry.change.pk > last]


def told(entry: Entry) -> str:
    details = (f"{each.label}: {each.before} → {each.after}" for each in entry.details)
    return "; ".join(re.sub(" +", " ", part).strip() for part in [str(entry.sentence), *details])


# every service


def services() -> Iterator[str]:
    """All public functions that take who acts, or lock the ledger."""
    for path in sorted(SOURCES.rglob("*.py")):
        parts = path.relative_to(SOURCES).with_suffix("").parts
        if FACES.isdisjoint(parts) and not parts[-1].endswith("_views"):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.FunctionDef) and is_service(node):
                    yield ".".join([*parts, node.name])


def is_service(node: ast.FunctionDef) -> bool:
    takes_actor = [argument.arg for argument in node.args.args[:1]] == ["actor"]
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return not node.name.startswith("_") and (takes_actor or bool(LOCKS & names))


def test_every_service_is_called():
    named = {name: {name, name.rpartition(".")[0]} for name in services()}
    wanted = {name for name, both in named.items() if PARTS.isdisjoint(both)}
    assert wanted - {case.name for case in CASES} == set()
    assert PARTS - {each for both in named.values() for each in both} == set()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_service_did_is_told_in_plain_words(case, zone):
    entries = run(case, zone)
    assert tuple(told(entry) for entry in entries) == case.told
    for entry in entries:
        assert raw_texts(entry) == []


# nothing raw


def raw_texts(entry: Entry) -> list[str]:
    """Labels and values that only the database understands."""
    sides = (entry.change.before, entry.change.after)
    kept = [value for side in sides for value in side.values()]
    values = [value for detail in entry.details for value in (detail.before, detail.after)]
    labels = [each.label for each in entry.details if any(each.label in side for side in sides)]
    return labels + [text for text in values if RAW.fullmatch(text) or is_raw_choice(text, kept)]


def is_raw_choice(text: str, kept: list[object]) -> bool:
    """Whether it is shown as it is kept, though it is a choice with a label."""
    for values in (each if isinstance(each, list) else [each] for each in kept):
        if text and text == ", ".join(map(str, values)):
            labels = [labels_of(kind, text) for kind in kinds_of(models.TextChoices)]
            return any(labels) and text not in labels
    return False


def labels_of(kind: type[models.TextChoices], text: str) -> str:
    """How these are called; "" where not all of them are choices of that kind."""
    labels, values = dict(kind.choices), text.split(", ")
    return ", ".join(str(labels[each]) for each in values) if set(values) <= set(labels) else ""


def kinds_of(kind: type[models.TextChoices]) -> Iterator[type[models.TextChoices]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("qmailpanel."):
            yield each
        yield from kinds_of(each)


RAW_SIDES = [
    {"unheard_of": "text"},
    {"description": True},
    {"description": 10 << 30},
    {"description": "2026-11-28T12:00:00+00:00"},
    {"description": {"a": "b"}},
    {"description": "bounce"},
    {"description": ["imap", "sending"]},
]


@pytest.mark.parametrize("after", RAW_SIDES, ids=str)
def test_what_is_raw_would_be_seen(domain, operator, after):
    with ledger_locked():
        record(SYSTEM, Verb.CHANGED, Noun.DOMAIN, "pandle.net", domain=domain.pk, after=after)
    [entry, *_older] = list_entries(operator).rows
    assert raw_texts(entry) != []


# nothing dead


def test_every_sentence_and_every_field_is_used_by_some_service(zone):
    sentences, fields = set(), set()
    for case in CASES:
        with transaction.atomic():
            for entry in run(case, zone):
                noun, name = entry.change.noun, entry.change.domain
                domain = Domain.objects.filter(pk=name or 0).values_list("name", flat=True).first()
                sentences.add((noun, sentence_of(entry.change, domain=domain or "").template))
                fields |= {(noun, field) for field in {**entry.change.before, **entry.change.after}}
            transaction.set_rollback(True)
    words = all_words().items()
    assert sentences == {
        (noun, template)
        for noun, each in words
        for templates in each.sentences.values()
        for template in vars(templates).values()
        if template
    }
    assert fields == {(noun, field) for noun, each in words for field in each.fields}


def test_every_noun_has_the_words_of_one_app():
    apps = [import_module(f"{app.name}.words").WORDS for app in apps_with_words()]
    nouns = [noun for words in apps for noun in words]
    assert sorted(nouns) == sorted(Noun.values)


def test_every_template_takes_only_names_that_every_sentence_has():
    names = {"actor": "a", "target": "t", "domain": "d"}
    for words in all_words().values():
        for templates in words.sentences.values():
            for template in vars(templates).values():
                assert "%" not in template % names


def test_what_no_app_has_words_for_is_told_by_what_it_is_called(operator):
    with ledger_locked():
        record(SYSTEM, Verb.PURGED, Noun.LIMITS, "pandle.net", after={"unheard_of": "text"})
    [entry] = list_entries(operator).rows
    assert told(entry) == "system: purged the mail, limits pandle.net; unheard_of: → text"
