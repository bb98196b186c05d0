"""What the web server serves."""

import ctypes
import gc
import os
import sys
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from qmailpanel.environment.installed import refuse_to_guess
from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state
from qmailpanel.web.before_tables import WithTables
from qmailpanel.web.busy import bound_waiting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qmailpanel.settings")

ARENA_MAX, MMAP_THRESHOLD = -8, -3  # see mallopt(3)
NEW_OBJECTS = 10_000  # about those of a page: the collector looks once for each


def return_memory() -> None:
    """What a hash took goes back to the system; else each thread would keep as much for ever."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(MMAP_THRESHOLD, 1 << 20)
        libc.mallopt(ARENA_MAX, 2)


def collect_seldom() -> None:
    """What was loaded is never garbage: looking through it took a third of a busy panel's time."""
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


return_memory()
try:
    refuse_to_guess(os.environ)
    prepare_state(read_settings(os.environ))
    panel = get_wsgi_application()
    bound_waiting()
    application = WithTables(panel)
    collect_seldom()
except ImproperlyConfigured as error:
    sys.exit(str(error))
