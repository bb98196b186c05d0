"""A change as a plain sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from qmailpanel.ledger.models import Change, Noun, Verb
from qmailpanel.ledger.wording import Templates

from .gathering import all_words

FROM = (Verb.SIGNED_IN, Verb.REFUSED)  # of these the place is the point
UNWORDED = gettext_noop("%(actor)s: %(verb)s, %(noun)s %(target)s")  # what no app has words for


@dataclass(frozen=True)
class Sentence:
    """A template, and the names that stand in it: those may hold whatever somebody typed."""

    template: str
    names: Mapping[str, str]

    def __str__(self) -> str:
        return self.template % self.names

    def html(self, links: Mapping[str, str]) -> SafeString:
        """With links by the names that lead somewhere.

        Each name is isolated, so that its direction of writing does not turn the sentence round.
        """
        isolated = {key: _isolated(name, links.get(key)) for key, name in self.names.items()}
        return SafeString(escape(self.template) % isolated)


def _isolated(name: str, href: str | None) -> SafeString:
    text = format_html("<bdi>{}</bdi>", name)
    return format_html('<a href="{}">{}</a>', href, text) if href and name else text


def sentence_of(change: Change, *, domain: str = "", place: str = "") -> Sentence:
    """`domain` is the name of the one it concerns, `place` where it came from."""
    template = _(_find_template(change, domain))
    if place and tells_place(change):
        template = _("%(sentence)s from %(place)s").replace("%(sentence)s", template)
    names = {"actor": change.actor_name, "target": change.target, "domain": domain, "place": place}
    kinds = {"verb": _label(Verb, change.verb), "noun": _label(Noun, change.noun)}
    return Sentence(template, names | kinds)


def tells_place(change: Change) -> bool:
    """Whether the sentence itself says from where."""
    return change.verb in FROM


def _find_template(change: Change, domain: str) -> str:
    words = all_words().get(change.noun)
    templates = words.sentences.get(change.verb) if words else None
    return _choose(templates, change, domain) if templates else UNWORDED


def _choose(templates: Templates, change: Change, domain: str) -> str:
    if templates.no_target and not change.target:
        return templates.no_target
    if templates.no_domain and not domain:
        return templates.no_domain
    if templates.own and change.target == change.actor_name:
        return templates.own
    return templates.usual


def _label(kinds: type[Verb] | type[Noun], value: str) -> str:
    return str(dict(kinds.choices).get(value, value))
