"""The rights that a view of a domain needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

from django.shortcuts import render
from django.utils.translation import gettext as _

from qmailpanel.accounts.access import PanelRequest, View
from qmailpanel.domains.access.rights import Right, in_words, read_rights
from qmailpanel.domains.models import Grant

if TYPE_CHECKING:
    from qmailpanel.accounts.models import User


def needs(*rights: Right, seeing: bool = False) -> Callable[[View], View]:
    """Declare the rights that a view of a domain needs; without them the answer is 403.

    `seeing`: looking needs none of them. The services ask again, in their transaction.
    """

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(request: PanelRequest, name: str, *args: Any, **kwargs: Any) -> Any:
            is_free = seeing and request.method in ("GET", "HEAD")
            if not is_free and not _has_rights(request.user, name, set(rights)):
                why = _("You may not %(what)s here.") % {"what": in_words(rights)}
                return render(request, "403.html", {"why": why}, status=403)
            return view(request, name, *args, **kwargs)

        guarded.rights = frozenset(rights)  # type: ignore[attr-defined]  # as `audience`
        guarded.seeing = seeing  # type: ignore[attr-defined]
        return cast(View, guarded)

    return declare


def _has_rights(user: User, name: str, rights: set[Right]) -> bool:
    """True also for a domain that the person does not look after: the view answers 404."""
    if user.is_operator:
        return True
    grants = list(Grant.objects.filter(user=user, domain__name=name))
    return not grants or any(rights <= read_rights(grant.rights) for grant in grants)
