"""What a person's password must be: hard to guess, and nothing else."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from qmailpanel.qmail.secrets.passwords import weakness

from .models import User


class GuessableValidator:
    """Refuses what zxcvbn finds easy to guess, the person's own address included."""

    def validate(self, password: str, user: User | None = None) -> None:
        email = user.email if user else ""
        words = ["qmailpanel", email, *email.replace("@", ".").split(".")]
        problem = weakness(password, words)
        if problem:
            raise ValidationError(_(problem), code="guessable")

    def get_help_text(self) -> str | Promise:
        return _("A few words that do not belong together are easy to remember, hard to guess.")
