"""What the doctor says is what the real qmail does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qmailpanel.qmail.doctor import Finding
from qmailpanel.qmail.host.examine_homes import examine_homes_of
from qmailpanel.qmail.host.examine_servers import is_sending
from qmailpanel.qmail.host.examine_shared import examine_shared_of
from qmailpanel.qmail.pause import finish
from tests.kit.real_panel import Panel, new_alias, new_domain, new_mailbox, real_panel
from tests.kit.real_qmail import HOME, MAIL_ROOT, needs_qmail, rcpt, wait_for

pytestmark = [*needs_qmail, pytest.mark.django_db(transaction=True)]
KEPT_IN = "control/concurrencyremote"  # 0 in this installation, so that no mail leaves it
BOX = MAIL_ROOT / "pandle.net/biliards"


@pytest.fixture
def panel(settings: Any, tmp_path: Path) -> Iterator[Panel]:
    """A real qmail with a domain of the panel's, as a careful operator leaves it."""
    with real_panel(tmp_path, settings) as panel:
        for name in ("postmaster", "mailer-daemon", "root"):
            (HOME / f"alias/.qmail-{name}").write_text("&biliards@pandle.net\n")
        (HOME / "control/rcpthosts").write_text("mail.vm.test\n")
        domain = new_domain("pandle.net")
        new_mailbox(domain, "biliards")
        new_alias(domain, "sales", ["biliards@pandle.net", "out@outside.test"])
        panel.make_live()
        panel.qmail.start()
        yield panel


def found(panel: Panel) -> list[Finding]:
    layout = panel.host.layout
    findings = finish(examine_shared_of(layout)) + finish(examine_homes_of(layout))
    return [one for one in findings if one.file != KEPT_IN]


def said(panel: Panel) -> str:
    return "\n".join(f"{one.file}: {one.meaning}" for one in found(panel))


def test_a_healthy_qmail_with_a_domain_of_the_panels_gives_nothing(panel: Panel) -> None:
    assert said(panel) == ""
    assert panel.send("biliards@pandle.net") == {"in pandle.net/biliards"}
    assert said(panel) == ""


def test_a_qmail_send_that_ended_is_told(panel: Panel) -> None:
    panel.qmail.stop()
    assert "qmail-send: It does not run: all mail waits" in said(panel)
    panel.qmail.start()
    assert said(panel) == ""


def test_mail_goes_on_after_a_look_at_the_trigger(panel: Panel) -> None:
    assert is_sending(str(HOME)) is True
    assert panel.send("biliards@pandle.net") == {"in pandle.net/biliards"}


@pytest.mark.parametrize(
    ("content", "means", "fate"),
    [
        ("./Maildir/\r\n", "success, and the mail is not where it belongs", ""),
        ("\n./Maildir/\n", "first line is blank", "deferral: Uh-oh: first line of .qmail"),
        ("./Maildir\n", "is a directory", "deferral: Unable to open ./Maildir: is a directory"),
        ("/dev/null\n", "each message waits", "deferral: "),
        ("|/usr/bin/no-deliverquota ./Maildir\n", "no program", "deferral: /bin/sh:"),
        ("|bouncesaying No such user\n", "mail is thrown away", ""),
        ("+list\n./Maildir/\n", "each message waits", "deferral: "),
        ("&biliards@pandle.net\n", "comes back and bounces", "failure: This message is looping"),
    ],
)
def test_a_trap_in_a_dot_qmail_file_does_what_the_doctor_says(
    panel: Panel, content: str, means: str, fate: str
) -> None:
    (BOX / ".qmail").write_text(content, newline="")
    assert means in said(panel)
    became = panel.send("biliards@pandle.net")
    assert "in pandle.net/biliards" not in became
    assert any(one.startswith(fate) for one in became) if fate else became == set()


@pytest.mark.parametrize(
    ("path", "mode", "means"),
    [
        (BOX, 0o1700, "sticky"),
        (BOX, 0o702, "Everybody may write"),
        (BOX, 0o600, "may not enter"),
        (MAIL_ROOT, 0o700, "may not pass through"),
        (BOX / ".qmail", 0o602, "Everybody may write"),
        (BOX / ".qmail", 0o700, "owner may execute"),
        (BOX / ".qmail", 0o200, "may not read"),
        (BOX / "Maildir/tmp", 0o500, "may not write in tmp"),
    ],
)
def test_a_mode_that_the_doctor_finds_defers_mail(
    panel: Panel, path: Path, mode: int, means: str
) -> None:
    path.chmod(mode)
    assert means in said(panel)
    assert all(one.startswith("deferral: ") for one in panel.send("biliards@pandle.net"))


@pytest.mark.parametrize("mode", [0o500, 0o750, 0o755, 0o2700])
def test_a_mode_that_the_doctor_passes_delivers(panel: Panel, mode: int) -> None:
    BOX.chmod(mode)
    assert said(panel) == ""
    assert panel.send("biliards@pandle.net") == {"in pandle.net/biliards"}


def test_a_host_without_rcpthosts_relays_for_everybody(panel: Panel) -> None:
    (HOME / "control/rcpthosts").unlink()
    assert "open relay" in said(panel)
    assert rcpt("anybody@anywhere.test") == 250


def test_virtualdomains_is_behind_until_qmail_send_gets_its_hup(panel: Panel) -> None:
    file = HOME / "control/virtualdomains"
    file.write_bytes(b"# by hand\n" + file.read_bytes())
    assert "has not read it" in said(panel)
    panel.host.hup.tell()
    wait_for(lambda: said(panel) == "")
