"""``manage.py ledger``: is the record of who did what as it was written?"""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from qmailpanel.ledger.chain import verify
from qmailpanel.ledger.models import Change


class Command(BaseCommand):
    help = (
        "Verifies that no change was altered or removed since it was recorded. "
        "Exit 0: the ledger holds; 1: it does not. "
        "Keep the digest that it prints elsewhere: it stands for all changes up to then, and shows "
        "a ledger that was written anew as a whole."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("digest", nargs="*", help="printed before, and so still in the ledger")

    def handle(self, *_args: Any, digest: list[str], **_options: Any) -> None:
        verdict = verify()
        if verdict.broken is not None:
            self._fail(
                _("The ledger does not hold: change %(number)d is missing or not as recorded."),
                number=verdict.broken,
            )
        for one in digest:
            if not Change.objects.filter(digest=one).exists():
                self._fail(
                    _("The ledger does not hold: no change has the digest %(digest)s."), digest=one
                )
        self.stdout.write(
            _("The ledger holds through change %(number)d, whose digest is %(digest)s.")
            % {"number": verdict.through, "digest": verdict.digest}
            if verdict.through
            else _("The ledger holds: nothing was recorded yet.")
        )

    def _fail(self, template: str, **params: object) -> NoReturn:
        raise CommandError(template % params)
