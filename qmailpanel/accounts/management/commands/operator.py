"""``manage.py operator EMAIL``: a sign-in link for who runs the host."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from qmailpanel.accounts.factors import reset_factors as remove_factors
from qmailpanel.accounts.models import User
from qmailpanel.accounts.services import LINK_LIFETIME, add_operator, make_sign_in_link


class Command(BaseCommand):
    help = "Create or find an operator and print a link that signs in once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument(
            "--reset-factors",
            action="store_true",
            help="Remove the second factors of an operator who lost them.",
        )

    def handle(self, *_args: Any, email: str, reset_factors: bool, **_options: Any) -> None:
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(
                _("%(email)s is not an e-mail address.") % {"email": email}
            ) from None
        if reset_factors:
            self._reset_factors(email)
        self.stdout.write(make_sign_in_link(add_operator(email)))
        minutes = int(LINK_LIFETIME.total_seconds() // 60)
        self.stderr.write(_("It works once, for %(minutes)d minutes.") % {"minutes": minutes})

    def _reset_factors(self, email: str) -> None:
        user = User.objects.filter(email__iexact=email, is_operator=True).first()
        if user is None:
            raise CommandError(_("There is no operator %(email)s.") % {"email": email})
        count = remove_factors(user)
        self.stderr.write(_("Second factors removed: %(count)d.") % {"count": count})
