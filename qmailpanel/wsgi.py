"""What the web server serves."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from qmailpanel.environment.reading import read_settings
from qmailpanel.state_dir import prepare_state

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qmailpanel.settings")

try:
    prepare_state(read_settings(os.environ))
    application = get_wsgi_application()
except ImproperlyConfigured as error:
    sys.exit(str(error))
