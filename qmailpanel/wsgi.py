"""What the web server serves."""

import ctypes
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from qmailpanel.environment.installed import refuse_to_guess
from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state
from qmailpanel.web.before_tables import WithTables
from qmailpanel.web.busy import bound_waiting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qmailpanel.settings")

ARENA_MAX, MMAP_THRESHOLD = -8, -3  # see mallopt(3)


def return_memory() -> None:
    """What a hash took goes back to the system; else each thread would keep as much for ever."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, 1 << 20)
        libc.mallopt(ARENA_MAX, 2)


return_memory()
try:
    refuse_to_guess(os.environ)
    prepare_state(read_settings(os.environ))
    panel = get_wsgi_application()
    bound_waiting()
    application = WithTables(panel)
except ImproperlyConfigured as error:
    sys.exit(str(error))
