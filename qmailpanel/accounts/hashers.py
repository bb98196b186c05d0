"""How the passwords of people are hashed: as those of mailboxes, and not many at once."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher

from qmailpanel.qmail.secrets import passwords


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2id with the costs of mailboxes, which sign in by the same form, and of one spelling."""

    time_cost, memory_cost, parallelism = passwords.COSTS

    def encode(self, password: str, salt: str) -> str:
        with passwords.hashing:
            return super().encode(passwords.composed(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        with passwords.hashing:
            return super().verify(passwords.composed(password), encoded)
