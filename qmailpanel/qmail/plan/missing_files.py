"""Shared files that are missing: what they begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qmailpanel.qmail.formats import control
from qmailpanel.qmail.formats.shared_files import HOSTS, KNOWN_RECIPIENTS, Foreign, LineFile, Shared
from qmailpanel.qmail.plan.draft import Draft
from qmailpanel.qmail.plan.state import Actual


def first_foreign(actual: Actual, shared: Shared, *, is_stale: bool) -> Foreign | None:
    """The foreign lines of a file that is missing and must not be; None where it may be.

    Without rcpthosts any relay is open. Where only a map is left, its file is made of it again.
    """
    if actual.shared[shared].content is not None:
        return None
    if shared is Shared.RCPT:
        return Foreign(shared, tuple(hosted_names(actual)))
    return actual.shared[shared].foreign if is_stale else None


def begin_lists(drafts: Sequence[Draft], actual: Actual, files: dict[Shared, LineFile]) -> None:
    """A list of known recipients refuses whomever it does not list.

    So it begins with everybody else this host accepts mail for, and only when all of the panel's
    domains are in the plan. The combined patch's refuses only whom it lists with a minus: others
    stay as they are.
    """
    for shared in KNOWN_RECIPIENTS:
        if files[shared].content is not None or actual.maps.get(shared) is not None:
            continue
        if not any(draft.new[shared] for draft in drafts):
            continue
        if not _are_all(drafts, actual):
            for draft in drafts:
                draft.new[shared] = {}
        else:
            names = _accepted_names(actual) if shared is not Shared.MORE_VALID else []
            others = tuple(b"@" + name for name in names)
            files[shared] = replace(files[shared], foreign=Foreign(shared, others))


def _are_all(drafts: Sequence[Draft], actual: Actual) -> bool:
    """Whether the plan is about the whole of each domain of the panel's."""
    served = {name for shared in HOSTS for name in actual.shared[shared].sections}
    return served <= {draft.wanted.name for draft in drafts if draft.wanted.part is None}


def _accepted_names(actual: Actual) -> list[bytes]:
    """Names below a name cannot be listed."""
    foreign = {key + b"\n" for shared in HOSTS for key in actual.shared[shared].foreign.keys}
    names = sorted({*hosted_names(actual), *foreign})
    return [name for name in names if not name.startswith(b".")]


def hosted_names(actual: Actual) -> list[bytes]:
    """As lines: those in locals, and those of foreign lines of virtualdomains."""
    names = set(actual.locals)
    for raw in actual.shared[Shared.VIRTUAL].foreign.raws:
        key = control.virtual_key(raw)
        if key and b"@" not in key:
            names.add(key)
    return [name + b"\n" for name in sorted(names)]
