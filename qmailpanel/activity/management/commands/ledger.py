"""``manage.py ledger``: is the record of who did what as it was written?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from qmailpanel.ledger.chain import verify


class Command(BaseCommand):
    help = (
        "Verifies that no change was altered or removed since it was recorded. "
        "Exit 0: the ledger holds; 1: it does not. "
        "Keep the digest of the newest change elsewhere: it stands for all changes before it."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        verdict = verify()
        if verdict.broken is not None:
            raise CommandError(
                _("The ledger does not hold: change %(number)d is missing or not as recorded.")
                % {"number": verdict.broken}
            )
        self.stdout.write(
            _("The ledger holds through change %(number)d, whose digest is %(digest)s.")
            % {"number": verdict.through, "digest": verdict.digest}
            if verdict.through
            else _("The ledger holds: nothing was recorded yet.")
        )
