"""Options that add to a list and take from it: `add:a,b`, `del:a`, or both as `add:a,del:b`."""

from __future__ import annotations

from collections.abc import Iterator

from qmailpanel.commands.plesk import Misuse, Request

VERBS = {"add", "del"}


def read_list(request: Request, option: str, *, wants: str) -> Iterator[tuple[str, str]]:
    """Verb and word; a verb counts for all words up to the next one. Raises Misuse."""
    verb = ""
    for word in request.options.get(option, "").split(","):
        first, colon, rest = word.partition(":")
        if colon and first in VERBS:
            verb, word = first, rest  # noqa: PLW2901 - without its verb
        if not verb or not word:
            raise Misuse(f"The option -{option} wants {wants}.")
        yield verb, word
