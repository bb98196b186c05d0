"""Every setting, declared once. See docs/settings.md, which is printed from here."""

from __future__ import annotations

from itertools import chain

from qmailpanel.environment.mail_host import MAIL_HOST
from qmailpanel.environment.panel import MAIL, WEB
from qmailpanel.environment.places import PLACES

SECTIONS = {
    "Places": PLACES,
    "The mail host": MAIL_HOST,
    "The panel": WEB,
    "Mail programs, and mail of the panel's own": MAIL,
}
SETTINGS = {setting.name: setting for setting in chain.from_iterable(SECTIONS.values())}
