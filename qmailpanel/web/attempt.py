"""The one way in which a page calls a service: it is done, or a sentence says why not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.utils.translation import gettext_noop as _

from qmailpanel.ledger.actors import Actor, Refused
from qmailpanel.qmail.names import InvalidName
from qmailpanel.web.edited import EditForm, Outdated
from qmailpanel.web.fields import PanelForm

Result = TypeVar("Result")
GONE = _("That is no longer there: somebody removed it a moment ago.")


@dataclass(frozen=True, slots=True)
class Attempt(Generic[Result]):
    """What came of calling a service. `why`: a refusal for the page to show, as no form does.

    Neither done nor refused: the form has errors of its own.
    """

    is_done: bool = False
    result: Result | None = None
    refusal: Refused | None = None
    why: str = ""


def attempt(
    request: HttpRequest,
    form: PanelForm | None,
    service: Callable[[Actor], Result],
    *,
    said: str = "",
) -> Attempt[Result]:
    """Call the service as whoever asks, once the form is good; the form shows what it refuses.

    `said`: what the next page says when it is done.
    """
    if form is not None and not form.is_valid():
        return Attempt()
    try:
        with form.held() if isinstance(form, EditForm) and form.row else nullcontext():
            done = Attempt(is_done=True, result=service(Actor.of(request)))
    except Outdated:
        return Attempt()
    except Refused as refusal:
        return _refused(form, refusal)
    except InvalidName as error:  # in the database: forms let none in
        return _refused(form, Refused(error.template, "", **error.params))
    except ObjectDoesNotExist:  # the service reads each row again
        return _refused(form, Refused(GONE))
    if said:
        messages.success(request, said)
    return done


def _refused(form: PanelForm | None, refusal: Refused) -> Attempt[Result]:
    if form is None:
        return Attempt(refusal=refusal, why=str(refusal))
    form.refuse(refusal)
    return Attempt(refusal=refusal)
