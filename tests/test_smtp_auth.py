"""People who sign in to send: the real qmail-smtpd asks the helper."""

from __future__ import annotations

import hashlib
import shutil
import smtplib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qmailpanel.qmail.layout.rows import AppRow, LoginRow
from qmailpanel.qmail.secrets.passwords import hash_password
from tests.kit.checkpassword import RIGHT, Asker
from tests.kit.combined_qmail import COMBINED, CombinedSmtp, needs_combined
from tests.kit.real_qmail import private_home

pytestmark = needs_combined
APP = "abcd-efgh"


@pytest.fixture
def asker() -> Iterator[Asker]:
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-smtp-auth-"))
    place.chmod(0o755)
    with private_home(place, COMBINED):
        asker = Asker(place)
        row = AppRow(7, hash_password(APP), hashlib.sha256(APP.encode()).hexdigest())
        asker.write(LoginRow(hash_password(RIGHT), apps=(row,)))
        yield asker
    shutil.rmtree(place)


@pytest.fixture
def client(asker: Asker) -> Iterator[CombinedSmtp]:
    helper = asker.helper_with("--service", "smtp", "/bin/true")
    client = CombinedSmtp(*asker.as_asker(f"{COMBINED}/bin/qmail-smtpd", *helper))
    yield client
    client.close()


def sign_in(client: smtplib.SMTP, how: str, password: str, login: str = "bob@a.test") -> int:
    client.ehlo()
    client.user, client.password = login, password
    answer = client.auth(how, getattr(client, f"auth_{how.lower()}"))
    return answer[0]


@pytest.mark.parametrize("how", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("password", [RIGHT, APP])
def test_mail_is_relayed_for_whoever_signed_in_and_for_nobody_else(client, how, password) -> None:
    client.ehlo()
    client.mail("bob@a.test")
    assert client.rcpt("ann@elsewhere.test")[0] == 553
    client.rset()
    assert sign_in(client, how, password) == 235
    client.mail("bob@a.test")
    assert client.rcpt("ann@elsewhere.test")[0] == 250
    code, reply = client.data("Subject: hello\r\n\r\nHello.\r\n")
    assert (code, b" qp " in reply) == (250, True), reply


@pytest.mark.parametrize(("login", "password"), [("bob@a.test", "wrong"), ("nobody@a.test", RIGHT)])
def test_nobody_else_is_let_in_and_nothing_is_relayed(client, login, password) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        sign_in(client, "PLAIN", password, login)
    assert refused.value.smtp_code == 535
    client.mail("bob@a.test")
    assert client.rcpt("ann@elsewhere.test")[0] == 553


def test_who_may_not_send_is_not_let_in(asker, client) -> None:
    asker.write(LoginRow(hash_password(RIGHT), sending=False))
    with pytest.raises(smtplib.SMTPAuthenticationError):
        sign_in(client, "PLAIN", RIGHT)
