"""Dot-qmail files: what we write, and what qmail-local makes of any file."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.dotqmail import (
    BadDotQmail,
    Comment,
    Forward,
    ForwardOnly,
    Maildir,
    Mbox,
    Program,
)
from qmailpanel.qmail.names import AliasLocal, InvalidName, MailAddress, ReplyText

GOLDEN = Path(__file__).parent / "golden"
BOUNCESAYING = "/var/qmail/bin/bouncesaying"
QMAIL_LOCAL = "/var/qmail/bin/qmail-local"
TARGETS = [MailAddress("bilardi@pandle.net"), MailAddress("Anna.Berg+x@bücher.example")]
REPLY = ReplyText("It's gone; don't try $HOME. (#5.1.1)")

contents = st.lists(
    st.sampled_from(
        [b"./Maildir/", b"&a@b.c", b"|", b"+", b"list", b"#", b".", b"/", b" ", b"\t", b"x", b"\0"]
    )
    | st.just(b"\n")
    | st.binary(max_size=2),
    max_size=12,
).map(b"".join)


@pytest.mark.parametrize(
    ("name", "render"),
    [
        ("qmail-mailbox", dotqmail.render_mailbox),
        ("qmail-forwards", lambda: dotqmail.render_forwards(TARGETS)),
        ("qmail-bounce", lambda: dotqmail.render_bounce(BOUNCESAYING, REPLY)),
        ("qmail-hold", lambda: dotqmail.render_hold(REPLY)),
        ("qmail-discard", dotqmail.render_discard),
    ],
)
def test_each_kind_is_rendered_as_its_golden_file(name, render):
    assert render() == (GOLDEN / name).read_bytes()


def test_a_home_with_limits_is_delivered_to_through_both_programs():
    line = dotqmail.render_limited("/var/qmail/bin/preline", "/opt/my programs/deliverquota")
    assert line == b"|/var/qmail/bin/preline -f '/opt/my programs/deliverquota' ./Maildir\n"


@pytest.mark.parametrize(
    "program", [BOUNCESAYING, "/opt/it's/bouncesaying", "/opt/my qmail/bin/bouncesaying"]
)
def test_what_refuses_is_known_again(program):
    assert dotqmail.refuses(dotqmail.render_bounce(program, REPLY))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"./Maildir/\n",
        b"#\n",
        b"&bouncesaying@pandle.net\n",
        b"/var/qmail/bin/bouncesaying 'no'\n",
        b"|/usr/bin/vacation bouncesaying\n",
        b"|'/usr/bin/vacation bouncesaying' 'no'\n",
        b"|'/usr/bin/bouncesaying\n",
        dotqmail.render_hold(REPLY),
    ],
)
def test_nothing_else_refuses(content):
    assert not dotqmail.refuses(content)


def test_what_forwards_is_known_beside_all_else():
    assert dotqmail.forwards(b"./Maildir/\n&ann@side.test\n")
    assert not dotqmail.forwards(b"#&ann@side.test\n./Maildir/\n|forward ann@side.test\n")


@pytest.mark.parametrize(
    ("local", "name"),
    [("info", ".qmail-info"), ("jane.roe", ".qmail-jane:roe"), ("a-b+c", ".qmail-a-b+c")],
)
def test_the_file_of_an_alias_has_colons_for_dots(local, name):
    assert dotqmail.file_name(AliasLocal(local)) == name
    assert dotqmail.extension_of(name) == local


def test_the_file_for_everybody_else_is_qmail_default():
    assert dotqmail.file_name("default") == ".qmail-default"


def test_forwards_without_an_address_are_refused():
    with pytest.raises(ValueError, match="without an address"):
        dotqmail.render_forwards([])


@pytest.mark.parametrize("program", ["bouncesaying", "", "/bin/a\nb", "/bin/a\0b", "/bin/a\r"])
def test_a_program_that_is_no_absolute_path_is_refused(program):
    with pytest.raises(ValueError, match="not an absolute path"):
        dotqmail.render_bounce(program, REPLY)


@pytest.mark.parametrize(
    ("content", "instructions"),
    [
        (b"", []),
        (b"#\n", [Comment(b"")]),
        (b"./Maildir/\n&x@y\n", [Maildir(b"./Maildir/"), Forward(b"x@y")]),
        (b"./Maildir/", [Maildir(b"./Maildir/")]),
        (b"./Maildir/ \t\n", [Maildir(b"./Maildir/")]),
        (b"./Maildir/\r\n", [Mbox(b"./Maildir/\r")]),
        (b"./Maildir\n", [Mbox(b"./Maildir")]),
        (b"/var/mail/x\n.foo\n.\n", [Mbox(b"/var/mail/x"), Mbox(b".foo"), Mbox(b".")]),
        (b" ./Maildir/\nMaildir/\n", [Forward(b" ./Maildir/"), Forward(b"Maildir/")]),
        (b"|a | b\n| true\n", [Program(b"a | b"), Program(b" true")]),
        (b"true\n&\n&&x\n", [Forward(b"true"), Forward(b""), Forward(b"&x")]),
        (b"#a\n\n \nx@y\n", [Comment(b"a"), Forward(b"x@y")]),
        (b"+list\nx@y\n+x\n+list y\n", [ForwardOnly(b"list"), Forward(b"x@y")]),
        (b"./Maildir/\0x\nx\0y\n", [Mbox(b"./Maildir/"), Forward(b"x")]),
        (b"./a\0/\n#\n\0x\n", [Maildir(b"./a"), Comment(b"")]),
    ],
)
def test_a_file_is_read_as_qmail_local_reads_it(content, instructions):
    assert dotqmail.parse(content) == instructions


@pytest.mark.parametrize("content", [b"\n", b" \n", b"\t", b" ", b"\0x\n", b"\n./Maildir/\n"])
def test_a_blank_first_line_is_an_error(content):
    with pytest.raises(BadDotQmail, match="first line"):
        dotqmail.parse(content)


@given(st.lists(st.sampled_from(TARGETS), min_size=1))
def test_forwards_are_read_back(targets):
    read = dotqmail.parse(dotqmail.render_forwards(targets))
    assert read == [Forward(target.encode()) for target in targets]


def test_a_mailbox_and_nothing_are_read_back():
    assert dotqmail.parse(dotqmail.render_mailbox()) == [Maildir(b"./Maildir/")]
    assert dotqmail.parse(dotqmail.render_discard()) == [Comment(b"")]


def _shell(instruction, home):
    """Run a program line as qmail-local does. See qmail-command(8)."""
    command = ["/bin/sh", "-c", instruction.text]
    return subprocess.run(command, cwd=home, capture_output=True, check=False)


@pytest.fixture(scope="module")
def sayer(tmp_path_factory):
    """A bouncesaying in a directory whose name the shell could misread."""
    program = tmp_path_factory.mktemp("it's a $HOME") / "bouncesaying"
    program.write_text('#!/bin/sh\nprintf "%s|%s" "$1" "$#" >&2\nexit 100\n')
    program.chmod(0o700)
    return program


@pytest.mark.parametrize(
    "text",
    [
        "No such user",
        "gone",
        "-n",
        "'; touch /tmp/owned; '",
        '$(id) `id` $HOME \\ " ! * ~ | & > x',
        "#5.1.1",
        "Jürgen ist weg",
    ],
)
def test_the_shell_gives_the_program_the_very_text(text, sayer):
    (program,) = dotqmail.parse(dotqmail.render_bounce(str(sayer), ReplyText(text)))
    said = _shell(program, sayer.parent)
    assert (said.returncode, said.stderr.decode()) == (100, f"{text}|1")


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200))
def test_the_shell_gives_the_program_any_text(sayer, text):
    try:
        reply = ReplyText(text)
    except InvalidName:
        return
    (program,) = dotqmail.parse(dotqmail.render_bounce(str(sayer), reply))
    assert _shell(program, sayer.parent).stderr.decode() == f"{reply}|1"


@given(contents)
def test_any_file_is_read_or_its_first_line_is_blank(content):
    try:
        instructions = dotqmail.parse(content)
    except BadDotQmail:
        assert not content.partition(b"\n")[0].partition(b"\0")[0].strip(b" \t")
    else:
        assert len(instructions) <= content.count(b"\n") + 1


WORDS = {Maildir: b"maildir", Mbox: b"mbox", Program: b"program", Forward: b"forward"}


def _ask_qmail_local(home, content):
    """What the real qmail-local would do, in its own words; None where it defers.

    It prints a line whole and acts on what stands before a NUL.
    """
    (home / ".qmail").write_bytes(content)
    (home / ".qmail").chmod(stat.S_IRUSR | stat.S_IWUSR)
    command = [QMAIL_LOCAL, "-n", "user", str(home), "user", "", "", "pandle.net", "a@b.c", "./"]
    told = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return None if told.returncode == 111 else re.sub(rb"\0[^\n]*", b"", told.stdout)


def _in_words_of_qmail(instructions):
    """The same from our reading of the file."""
    acts = [one for one in instructions if type(one) in WORDS]
    kinds = [WORDS[type(one)] for one in acts]
    files = kinds.count(b"maildir") + kinds.count(b"mbox")
    counts = (files, kinds.count(b"forward"), kinds.count(b"program"))
    lines = [b"%b %b\n" % (kind, one.text) for kind, one in zip(kinds, acts, strict=True)]
    return b"".join([*lines, b"did %d+%d+%d\n" % counts])


@pytest.mark.qmail
@pytest.mark.skipif(not os.access(QMAIL_LOCAL, os.X_OK), reason="no qmail in /var/qmail")
@settings(max_examples=300, deadline=None)
@given(contents.filter(bool).filter(lambda content: b"+list" not in content))
def test_the_real_qmail_local_reads_any_file_as_we_do(tmp_path_factory, content):
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    told = _ask_qmail_local(home, content)
    try:
        instructions = dotqmail.parse(content)
    except BadDotQmail:
        assert told is None
    else:
        assert told == _in_words_of_qmail(instructions)
