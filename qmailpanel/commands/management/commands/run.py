"""``manage.py run``: the whole panel in one terminal, Ctrl-C to end it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from qmailpanel.accounts.services import add_operator, make_sign_in_link
from qmailpanel.commands.demo import add_demo, is_new
from qmailpanel.commands.embedded import is_embedded, prepare_embedded_home
from qmailpanel.commands.processes import (
    Children,
    Stopped,
    is_answering,
    is_port_taken,
    stop_on_signal,
)
from qmailpanel.domains.models import Domain
from qmailpanel.qmail.names import MailAddress
from qmailpanel.reports.statuses import Status, Statuses


class Command(BaseCommand):
    help = "Prepare what is missing, then run the web server and the sync service."

    def handle(self, *_args: Any, **_options: Any) -> None:
        stop_on_signal()
        try:
            self._run()
        except Stopped:
            return

    def _run(self) -> None:
        host, port = settings.QMAILPANEL_HOST, settings.QMAILPANEL_PORT
        if is_port_taken(host, port):
            sys.exit(
                _("Port %(port)d of %(host)s is taken: set QMAILPANEL_PORT to another.")
                % {"port": port, "host": host}
            )
        prepare()
        children = Children({"granian": _granian(host, port), "qmailsync": _qmailsync()})
        try:
            children.wait_until(lambda: is_answering(host, port) and _is_settled())
            self._greet()
            name, code = children.wait()
            ended = {"name": name, "code": code}
            self.stderr.write(_("%(name)s has ended with exit code %(code)d.") % ended)
        finally:
            children.end()
        sys.exit(code or 1)

    def _greet(self) -> None:
        link = make_sign_in_link(add_operator(settings.QMAILPANEL_OPERATOR))
        self.stdout.write(_("The panel is at %(url)s") % {"url": settings.QMAILPANEL_BASE_URL})
        self.stdout.write(
            _("Sign in as %(email)s (once, within 15 minutes): %(link)s")
            % {"email": settings.QMAILPANEL_OPERATOR, "link": link}
        )
        self.stdout.write(_("Ctrl-C ends it."))


def prepare() -> None:
    """Database, static files, and where there is no qmail a home and something to look at."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    if not _is_collected():
        call_command("collectstatic", verbosity=0, interactive=False)
    home = settings.QMAILPANEL_QMAIL_HOME
    if is_embedded(home):
        prepare_embedded_home(home)
        if is_new():
            call_command("qmailsync", once=True)  # no domain is added before the host was read
            add_demo(MailAddress(settings.QMAILPANEL_OPERATOR))


def _is_collected() -> bool:
    """Whether every static file is older than the manifest."""
    try:
        collected = (Path(settings.STATIC_ROOT) / "staticfiles.json").stat().st_mtime
    except FileNotFoundError:
        return False
    sources = (
        Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([])
    )
    return all(source.stat().st_mtime < collected for source in sources)


def _is_settled() -> bool:
    """Whether sync has done what there was to do, so that its log ends above our greeting."""
    domains = list(Domain.objects.order_by("-change")[:10])
    statuses = Statuses(domain.pk for domain in domains)
    return all(statuses.of_domain(domain) is not Status.PENDING for domain in domains)


def _granian(host: str, port: int) -> list[str]:
    """With one thread, whoever is slow to send or to read would keep all others waiting."""
    return (
        "-m granian --interface wsgi --workers 1 --blocking-threads 16 --log-level error "
        f"--host {host} --port {port} qmailpanel.wsgi:application"
    ).split()


def _qmailsync() -> list[str]:
    return [str(settings.BASE_DIR / "manage.py"), "qmailsync"]
