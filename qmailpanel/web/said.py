"""What the next page says of what was done, in a cookie of this panel's own."""

from __future__ import annotations

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class SaidStorage(CookieStorage):
    """Signed; no other panel and no site beside this one writes it where its name is bound."""

    cookie_name = settings.QMAILPANEL_SAID_COOKIE
