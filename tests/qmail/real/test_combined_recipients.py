"""Who is known, as the real qmail-smtpd of the combined patch asks it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.domains.models import Unknown
from qmailpanel.domains.services import change_domain
from qmailpanel.ledger.actors import SYSTEM
from qmailpanel.mailboxes.services import switch_mailbox
from tests.kit.combined_qmail import COMBINED, CombinedSmtp, needs_combined
from tests.kit.panels import Panel
from tests.kit.real_qmail import private_home

pytestmark = needs_combined


@pytest.fixture
def panel(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Panel]:
    """Its qmail-smtpd asks the operator's own list, which refuses all of old.test but joe."""
    settings.QMAILPANEL_QMAIL_HOME = COMBINED
    settings.QMAILPANEL_MAIL_ROOT = COMBINED / "mailnames"
    settings.QMAILPANEL_SYNC_DIR = COMBINED / "qmailpanel"
    settings.QMAILPANEL_HUP = "none"
    with private_home(Path(tempfile.mkdtemp(dir=tmp_path)), COMBINED):
        panel = Panel(COMBINED)
        panel.write("control/rcpthosts", b"old.test\n")
        panel.write("control/validrcptto", b"joe@old.test\n-@old.test\n")
        yield panel


def rcpt(address: str) -> int:
    client = CombinedSmtp(f"{COMBINED}/bin/qmail-smtpd")
    client.ehlo()
    client.mail("tester@outside.test")
    code, _ = client.rcpt(address)
    client.quit()
    return code


def test_who_is_known_is_accepted_beside_the_list_of_the_operator(panel) -> None:
    assert (rcpt("joe@old.test"), rcpt("ann@old.test")) == (250, 553)
    domain = panel.add_domain("a.test")
    box = panel.add_mailbox(domain, "bob")
    panel.sync()
    assert (rcpt("Bob@A.test"), rcpt("nobody@a.test")) == (250, 250)
    change_domain(SYSTEM, domain, unknown=Unknown.REFUSE)
    panel.sync()
    assert (rcpt("Bob@A.test"), rcpt("nobody@a.test")) == (250, 553)
    switch_mailbox(SYSTEM, box, on=False)
    panel.sync()
    assert (rcpt("bob@a.test"), rcpt("postmaster@a.test")) == (553, 250)
    assert (rcpt("joe@old.test"), rcpt("ann@old.test")) == (250, 553)
    assert panel.read("control/validrcptto") == b"joe@old.test\n-@old.test\n"
