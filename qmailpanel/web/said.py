"""What the next page says of what was done, in a cookie of this panel's own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.signing import Signer, get_cookie_signer
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject


class SaidStorage(CookieStorage):
    """Signed, for whoever it is said to; no other panel and no site beside this one writes it
    where its name is bound.
    """

    cookie_name = settings.QMAILPANEL_SAID_COOKIE

    def __init__(self, request: HttpRequest, *more: Any, **options: Any) -> None:
        super().__init__(request, *more, **options)
        self.signer = SimpleLazyObject(self._make_signer)  # asked only where something is said

    def _make_signer(self) -> Signer:
        return get_cookie_signer(salt=f"{self.key_salt} {self.request.user.pk}")
