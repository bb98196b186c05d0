"""What answers by itself: the lines as /bin/sh and the real mailbot run them."""

from __future__ import annotations

import email
import email.policy
import os
import subprocess
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.reply import BODY_LENGTH, Programs, Reply, ReplyBody, render_reply
from qmailpanel.qmail.names import InvalidName, MailAddress, ReplyText

MAILBOT = "/usr/bin/mailbot"
ANNA = MailAddress("anna@pandle.net")
BOB = "bob@example.org"
MESSAGE = {"From": "Bob <from@example.org>", "To": "anna@pandle.net", "Message-ID": "<1@x.test>"}
RECORD = '#!/bin/sh\nprintf "%s\\n" "$@" > sent-to; cat > sent\n'


def answer(
    subject: str = "Away", body: str = "Back in May.", days: int = 7, own: tuple[str, ...] = ()
) -> Reply:
    further = tuple(MailAddress(one) for one in own)
    return Reply(ANNA, ReplyText(subject), ReplyBody(body), days, further)


class Box:
    """A home with an answer, and qmail-local's way of running its lines."""

    def __init__(self, home: Path, mailbot: str = MAILBOT) -> None:
        self.home = home
        self.inject = home / "qmail-inject"
        self.inject.write_text(RECORD)
        self.inject.chmod(0o755)
        self.programs = Programs(mailbot, str(self.inject))

    def says(self, reply: Reply) -> None:
        lines = render_reply(self.programs, reply, ".qmail", ".replied")
        (self.home / ".qmail").write_bytes(dotqmail.render_mailbox() + lines)

    def gets(self, sender: str = BOB, text: str = "hello\n", **headers: str) -> int:
        """Run the program lines over a message; the last exit code. See qmail-command(8)."""
        fields = {**MESSAGE, **{name.replace("_", "-"): one for name, one in headers.items()}}
        head = "".join(f"{name}: {one}\n" for name, one in fields.items())
        mail = self.home / "mail"
        mail.write_text(f"{head}\n{text}")
        (self.home / "sent").unlink(missing_ok=True)
        path = f"{self.home}/bin:{os.defpath}"
        env = {"PATH": path, "SENDER": sender, "RECIPIENT": "100-anna@pandle.net"}
        code = 0
        for one in dotqmail.parse((self.home / ".qmail").read_bytes()):
            if not isinstance(one, dotqmail.Program) or code:
                continue
            with mail.open("rb") as message:
                command = ["/bin/sh", "-c", one.text.decode()]
                code = subprocess.run(
                    command, stdin=message, cwd=self.home, env=env, check=False
                ).returncode
        return code

    @property
    def sent(self) -> EmailMessage | None:
        file = self.home / "sent"
        if not file.exists():
            return None
        return email.message_from_bytes(file.read_bytes(), policy=email.policy.default)


@pytest.fixture
def box(tmp_path):
    found = Box(tmp_path)
    found.says(answer(own=("info@pandle.net", "anna@further.example")))
    return found


def test_the_sender_of_the_envelope_is_answered_from_the_address_of_the_box(box):
    assert box.gets(Reply_To="<trap@x.test>", Errors_To="<trap@x.test>") == 0
    assert box.sent["From"] == ANNA
    assert box.sent["To"] == BOB
    assert box.sent["Subject"] == "Away"
    assert box.sent["Auto-Submitted"] == "auto-replied"
    assert box.sent["In-Reply-To"] == "<1@x.test>"
    assert "<1@x.test>" in box.sent["References"]
    assert box.sent.get_content().strip() == "Back in May."
    assert (box.home / "sent-to").read_text().splitlines() == ["-a", "-f", "", "--", BOB]


ANSWERED = [
    {},
    {"Auto_Submitted": "no"},
    {"Precedence": "first-class"},
    {"Subject": "list-id: x"},
    {"X_Spam_Flag": "NO"},
    {"text": "List-Id: <x.y>\nPrecedence: bulk\nAuto-Submitted: auto-replied\n"},
    {"sender": "owner@example.org"},
    {"sender": "request@example.org"},
    {"sender": "Bob+Tag@example.org"},
    {"sender": "annanna@pandle.net"},
    {"sender": "annaXpandle.net@example.org"},
    {"sender": "-x@example.org"},
]
IGNORED = [
    {"sender": ""},
    {"sender": "#@[]"},
    {"sender": "anna@pandle.net"},
    {"sender": "ANNA@Pandle.net"},
    {"sender": "info@pandle.net"},
    {"sender": "Anna@further.example"},
    {"sender": "MAILER-DAEMON@example.org"},
    {"sender": "mailer-daemon"},
    {"sender": "owner-list@example.org"},
    {"sender": "list-owner@example.org"},
    {"sender": "List-Request@example.org"},
    {"sender": "list-bounces@example.org"},
    {"sender": "list-bounces+anna=pandle.net@example.org"},
    {"sender": "list-return-12-anna=pandle.net@example.org"},
    {"List_Id": "<x.y>"},
    {"list_id": "<x.y>"},
    {"List_Id": "\n <x.y>"},
    {"List_Post": "<mailto:x@y.test>"},
    {"List_Unsubscribe": "<mailto:x@y.test>"},
    {"LIST_HELP": "<mailto:x@y.test>"},
    {"Precedence": "list"},
    {"Precedence": "bulk"},
    {"precedence": "JUNK"},
    {"Precedence": "\n bulk"},
    {"Auto_Submitted": "auto-generated"},
    {"Auto_Submitted": "auto-replied (vacation)"},
    {"AUTO_SUBMITTED": "Auto-Notified"},
    {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"},
    {"X_Auto_Response_Suppress": "All"},
    {"X_Spam_Flag": "YES"},
    {"Content_Type": 'multipart/report; report-type=delivery-status; boundary="x"'},
]


@pytest.mark.parametrize("message", ANSWERED, ids=str)
def test_people_are_answered(box, message):
    assert box.gets(**message) == 0
    assert box.sent is not None


@pytest.mark.parametrize("message", IGNORED, ids=str)
def test_programs_lists_and_the_box_itself_are_not_answered(box, message):
    assert box.gets(**message) in (0, 99)
    assert box.sent is None


def test_a_sender_is_answered_once(box):
    said = []
    for sender in (BOB, BOB, BOB.upper(), "eve@example.org"):
        box.gets(sender)
        said.append(box.sent is not None)
    assert said == [True, False, False, True]


@pytest.mark.parametrize("broken", ["mailbot", "inject", "database"])
def test_whatever_breaks_mail_is_neither_tried_again_nor_refused(tmp_path, broken):
    box = Box(tmp_path, "/nowhere/mailbot" if broken == "mailbot" else MAILBOT)
    box.says(answer())
    if broken == "inject":
        box.inject.unlink()
    if broken == "database":
        (tmp_path / ".replied.gdbm").mkdir()
    assert box.gets() in (0, 99)
    assert box.sent is None or broken == "database"


@pytest.mark.parametrize("asked", ["-Eixq", "-Fixq", "-Eiq"], ids=["sender", "own", "headers"])
def test_nobody_is_answered_where_it_cannot_be_found_out_who_asks(box, asked):
    grep = box.home / "bin" / "grep"
    grep.parent.mkdir()
    grep.write_text(f'#!/bin/sh\n[ "$1" = {asked} ] && exit 2\nPATH={os.defpath}\nexec grep "$@"\n')
    grep.chmod(0o755)
    assert box.gets() == 99
    assert box.sent is None


@pytest.mark.parametrize("sender", ["`id`@x.test", "$(touch hit)@x.test", "a';touch hit;'@x.test"])
def test_a_sender_is_never_a_command(box, sender):
    assert box.gets(sender) in (0, 99)
    assert not (box.home / "hit").exists()


def test_a_long_text_in_any_language_arrives_as_it_was_typed(box):
    body = (
        "Grüße – ich bin weg.\n\n> nicht zitiert\nFrom me\n  eingerückt\n" + "wort " * 60 + "\nEnde"
    )
    box.says(answer("Bin im Urlaub: " + "später " * 20, body))
    assert box.gets() == 0
    assert box.sent["Subject"] == ("Bin im Urlaub: " + "später " * 20).strip()
    assert unflow(box.sent) == ReplyBody(body).split("\n")
    assert max(map(len, (box.home / "sent").read_bytes().splitlines())) < 100


def unflow(message: EmailMessage) -> list[str]:
    """See RFC 3676, section 4, with DelSp."""
    lines, line = [], ""
    for raw in message.get_content().rstrip("\n").split("\n"):
        text = raw.removeprefix(" ")
        line += text.removesuffix(" ")
        if not text.endswith(" "):
            lines.append(line)
            line = ""
    return lines


texts = st.text(max_size=200) | st.text("a |&./#'\"\\$`\n", max_size=80)


@given(texts, texts)
def test_no_text_leaves_its_comment(subject, body):
    try:
        reply = Reply(ANNA, ReplyText(subject), ReplyBody(body), 7)
    except InvalidName:
        return
    programs = Programs(MAILBOT, "/var/qmail/bin/qmail-inject")
    lines = render_reply(programs, reply, ".qmail", ".replied")
    plain = render_reply(programs, answer(), ".qmail", ".replied")
    found, same = dotqmail.parse(lines), dotqmail.parse(plain)
    assert found[:4] == same[:4]
    assert all(isinstance(one, dotqmail.Comment) for one in found[4:])
    assert not {*b"\r\0"} & {*lines}


@pytest.mark.parametrize(
    "text", ["", " \n ", "a\x07", "a\x85b", "x" * (BODY_LENGTH + 1), "x" * 901, "a\rb", "a\u2028b"]
)
def test_a_text_that_no_mail_can_say_is_refused(text):
    with pytest.raises(InvalidName):
        ReplyBody(text)


def test_no_line_gets_too_long_for_a_mail_at_blanks_that_do_not_break():
    with pytest.raises(InvalidName, match="too long"):
        ReplyBody("\N{NO-BREAK SPACE}".join(["ja"] * 400))


def test_what_was_copied_from_elsewhere_is_answered_as_it_stands_there(box):
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    body = f"\ufeff9:00\tTür\N{SOFT HYPHEN}rahmen\n20\N{NO-BREAK SPACE}€ {family}"
    box.says(answer("20\N{NO-BREAK SPACE}% off\tnow", body))
    assert box.gets() == 0
    assert box.sent["Subject"].replace("\t", " ") == "20\N{NO-BREAK SPACE}% off now"
    assert unflow(box.sent) == body.removeprefix("\ufeff").split("\n")


def test_line_ends_of_a_browser_become_ours():
    assert ReplyBody("a \r\n\r\nb\r\n") == "a\n\nb"
