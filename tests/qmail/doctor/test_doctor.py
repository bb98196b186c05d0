"""Each trap planted in a healthy host is found and named; a healthy host gives nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.kit.sick import (
    ASSIGN,
    BOX,
    Plant,
    append,
    assign,
    both,
    compiled_list,
    dot,
    look,
    make_healthy,
    mode,
    remove,
    write,
)

VIRTUAL, RCPT = "control/virtualdomains", "control/rcpthosts"
LOCALS, BAD = "control/locals", "control/badmailfrom"
DOT, DEFAULT = f"{BOX}/.qmail", "mailnames/pandle.net/.qmail-default"
POSTMASTER = "mailnames/pandle.net/.qmail-postmaster"
NO_MAILBOX = b"|/var/qmail/bin/bouncesaying 'No such mailbox here.'\n"
SIZE = f"{BOX}/Maildir/maildirsize"
HOME = "{root}/pandle.net"
GIVEN = "popuser:110:31:" + HOME

# what is planted, where it is found, a part of the meaning and one of the remedy
Row = tuple[Plant, str, int | None, str, str]


def cut_dot(home: Path) -> None:
    file = home / "users/assign"
    file.write_bytes(file.read_bytes().removesuffix(b".\n"))


def link_box(home: Path) -> None:
    (home / BOX).rename(home / "elsewhere")
    (home / BOX).symlink_to(home / "elsewhere")


def link_maildir(home: Path) -> None:
    (home / BOX / "Maildir").rename(home / BOX / "other")
    (home / BOX / "Maildir").symlink_to("other")


def maildir(name: str) -> Plant:
    return lambda home: shutil.rmtree(home / BOX / "Maildir" / name)


LISTS: list[Row] = [
    (append(VIRTUAL, b"\xef\xbb\xbfa.test:100\n"), VIRTUAL, 2, "byte order mark", "ASCII"),
    (append(VIRTUAL, b"a.test:100\r\n"), VIRTUAL, 2, "carriage return", "sed"),
    (append(RCPT, b"pandle.net\r\n"), RCPT, 3, "carriage return", "sed"),
    (append(VIRTUAL, b" a.test:100\n"), VIRTUAL, 2, "blank stands before", "begin with the name"),
    (append(VIRTUAL, b"a.test:100 # new\n"), VIRTUAL, 2, "comment", "line of its own"),
    (append(VIRTUAL, b"a.test : 100\n"), VIRTUAL, 2, "blank stands within", "without blanks"),
    (append(RCPT, b"a.test b.test\n"), RCPT, 3, "blank stands within", "one on each line"),
    (append(VIRTUAL, b"a.test:1\0b.test:2\n"), VIRTUAL, 2, "NUL", "tr -d"),
    (append(RCPT, b"a.t\x07est\n"), RCPT, 3, "control character", "anew"),
    (append(RCPT, "bücher.example\n".encode()), RCPT, 3, "outside ASCII", "punycode"),
    (append(VIRTUAL, b"a.test.:100\n"), VIRTUAL, 2, "ends with a dot", "Remove the dot"),
    (append(RCPT, b"a.test.\n"), RCPT, 3, "ends with a dot", "Remove the dot"),
    (append(VIRTUAL, b"w.test:200a.test:100\n"), VIRTUAL, 2, "two colons", "line of its own"),
    (append(VIRTUAL, b"a.test\n"), VIRTUAL, 2, "no colon", "name:prepend"),
    (append(VIRTUAL, b"pandle.net:100\n"), VIRTUAL, 2, "there twice", "Remove one"),
    (append(VIRTUAL, b"pandle.net:101\n"), VIRTUAL, 1, "line 2 is about", "not meant"),
    (append(RCPT, b"Pandle.net\n"), RCPT, 3, "same as in line 2", "Remove one"),
    (append(RCPT, b"*\n"), RCPT, 3, "is no domain", "have no effect"),
    (append(RCPT, b"joe@a.test\n"), RCPT, 3, "is no domain", "have no effect"),
    (append(LOCALS, b".a.test\n"), LOCALS, 2, "whole domain names", "each name"),
    (write(BAD, b"a.test\n"), BAD, 1, "never matches", "@domain"),
    (write(BAD, b"@.a.test\n"), BAD, 1, "never", "user@domain"),
    (write("control/percenthack", b"a.test\n"), "control/percenthack", 1, "rewritten", "restart"),
    (write("control/percenthack", b"pandle.net\n"), "control/percenthack", 1, "a relay", "restart"),
    (write("control/me", b"mail.vm.test\r\n"), "control/me", 1, "carriage return", "sed"),
    (
        write(RCPT, b"".join(b"d%d.vm.test\n" % n for n in range(10_001))),
        RCPT, None, "10001 names", "morercpthosts",
    ),
]  # fmt: skip

LOCAL, REMOTE = "control/concurrencylocal", "control/concurrencyremote"
BYTES, LIFE = "control/databytes", "control/queuelifetime"
VALUES: list[Row] = [
    (write(LOCAL, b"0\n"), LOCAL, 1, "no mailbox here gets mail", "restart qmail-send"),
    (write(REMOTE, b"0\n"), REMOTE, 1, "no mail leaves", "restart qmail-send"),
    (write(REMOTE, b"ten\n"), REMOTE, 1, "begins with no digit: ten", "plain number"),
    (write(REMOTE, b" 20\n"), REMOTE, 1, "begins with no digit", "a blank before it"),
    (write(BYTES, b"10\n"), BYTES, 1, "more than 10 bytes are refused: with", "20971520 for 20 MB"),
    (write(BYTES, b"10MB\n"), BYTES, 1, "reads 10 there and drops", "No unit"),
    (write(BYTES, b"10MB\n"), BYTES, 1, "more than 10 bytes", "bytes"),
    (write(BYTES, b"50000"), BYTES, 1, "most with an attachment", "0 for no limit"),
    (write(LIFE, b"60\n"), LIFE, 1, "bounces after 60 seconds", "604800"),
    (write("control/timeoutsmtpd", b"0\n"), "control/timeoutsmtpd", 1, "after 0 seconds", "1200"),
    (write("control/timeoutconnect", b"1\n"), "control/timeoutconnect", 1, "after 1 s", "60"),
]  # fmt: skip

FILES: list[Row] = [
    (remove(RCPT), RCPT, None, "open relay", "with the domains"),
    (
        both(remove(RCPT), compiled_list("control/morercpthosts.cdb", b"pandle.net")),
        RCPT, None, "open relay", "does not take its place",
    ),
    (remove("control/me"), "control/me", None, "421", "name of this host"),
    (write("control/me", b"\n"), "control/me", 1, "no name", "first line"),
    (both(remove(VIRTUAL), lambda h: (h / VIRTUAL).mkdir()), VIRTUAL, None, "plain", "write the"),
    (mode(RCPT, 0o666), RCPT, None, "Everybody may write", "chmod 644"),
    (mode("control", 0o777), "control", None, "Everybody may write", "755"),
]  # fmt: skip

ROUTES: list[Row] = [
    (append("control/locals", b"pandle.net\n"), VIRTUAL, 1, "also in control/locals", "HUP"),
    (
        append(VIRTUAL, b"joe@mail.vm.test:100\n"),
        VIRTUAL, 2, "also in control/locals", "Remove mail.vm.test",
    ),
    (
        both(remove("control/locals"), append(VIRTUAL, b"mail.vm.test:100\n")),
        VIRTUAL, 2, "also in control/me", "HUP",
    ),
    (append(VIRTUAL, b"a.test:100\n"), VIRTUAL, 2, "is refused", "rcpthosts"),
    (append(VIRTUAL, b".a.test:100\n"), VIRTUAL, 2, "is refused", "rcpthosts"),
    (append(RCPT, b"a.test\n"), RCPT, 3, "sent on to the outside", "smtproutes"),
    (append(RCPT, b".a.test\n"), RCPT, 3, "sent on to the outside", "smtproutes"),
    (append(VIRTUAL, b"pandle.org:200\n"), VIRTUAL, 2, "No assignment", "+200-:"),
    (assign(""), VIRTUAL, 1, "No assignment", "qmail-newu"),
]  # fmt: skip

OUT = "control/smtproutes"
OWN_NAMES: list[Row] = [
    (write(OUT, b"b.test:mail.vm.test\n"), OUT, 1, "Mail for b.test is sent to this", "10025"),
    (write(OUT, b"# all\n:[127.0.0.1]:25\n"), OUT, 2, "Mail for * is sent to this", "Name the"),
    (write(OUT, b".b.test:LocalHost\n"), OUT, 1, "goes round", "remove the line"),
    (write(OUT, b"b.test:[::1]\n"), OUT, 1, "goes round", "remove the line"),
    (write(BAD, b"@Pandle.net\n"), BAD, 1, "from pandle.net is refused, which", "SPF"),
    (write(BAD, b"@mail.vm.test\n"), BAD, 1, "its own people", "Remove the line"),
]  # fmt: skip

ASSIGNMENTS: list[Row] = [
    (cut_dot, "users/assign", 3, "No line with a dot", "single dot"),
    (append("users/assign", b"=a:u:1:1:/a:::\n"), "users/assign", 5, "ends at line 4", "above"),
    (assign(".old\n" + ASSIGN), "users/assign", 1, "ends the file", "only the last"),
    (assign(ASSIGN + "\n", compiled=False), "users/assign", 4, "no assignment", "no blank"),
    (assign(ASSIGN + "# a\n", compiled=False), "users/assign", 4, "no assignment", "no comments"),
    (assign(ASSIGN + "=a:b\n", compiled=False), "users/assign", 4, "no assignment", "seven"),
    (assign(ASSIGN + ":u:1:1:/a:::\n", compiled=False), "users/assign", 4, "no name", "Remove"),
    (assign(ASSIGN + "=a\0:u:1:1:/a:::\n", compiled=False), "users/assign", 4, "NUL", "tr -d"),
    (assign(ASSIGN + f"#=a:{GIVEN}:::\n"), "users/assign", 4, "neither = nor +", "no comments"),
    (assign(ASSIGN + f" =a:{GIVEN}:::\n"), "users/assign", 4, "first byte", "Begin it"),
    (assign(ASSIGN.replace(":::", ":::\r")), "users/assign", 1, "behind the seventh", "DOS"),
    (assign(ASSIGN + f"=100-Bilardi:{GIVEN}:::\n"), "users/assign", 4, "first wins", "not meant"),
    (assign(ASSIGN + ASSIGN[: ASSIGN.index("\n") + 1]),
     "users/assign", 4, "there twice", "Remove one"),
    (assign(ASSIGN + f"=a:u:0:31:{HOME}:::\n"), "users/assign", 4, "The uid", "mail user"),
    (assign(ASSIGN + f"=a:u:x:31:{HOME}:::\n"), "users/assign", 4, "The uid", "a colon too many"),
    (assign(ASSIGN + f"=a:u:4294967296:31:{HOME}:::\n"), "users/assign", 4, "The uid", "number"),
    (assign(ASSIGN + f"=a:u:110:0:{HOME}:::\n"), "users/assign", 4, "root's group", "gid"),
    (assign(ASSIGN + "=a:u:110:31:home:::\n"), "users/assign", 4, "not an absolute", "whole path"),
    (assign(ASSIGN + "=a:u:110:31:/a/../b:::\n"), "users/assign", 4, "has ..", "without"),
    (assign(ASSIGN + f"+200:{GIVEN}:-::\n"), "users/assign", 4, "only begins so", "with a dash"),
    (
        both(append(VIRTUAL, b"b.test:2000\n"), assign(ASSIGN + f"+200:{GIVEN}:-::\n")),
        "users/assign", 4, "takes the mail of 2000", "with a dash",
    ),
    *(
        (assign(ASSIGN + f"{name}:{GIVEN}:::\n"), "users/assign", 4, f"begin like {name} too",
         "let the queue drain")
        for name in ("+10", "+1", "+")
    ),
    (
        both(append(VIRTUAL, b"b.test:1000\nc.test:1001\n"),
             assign(ASSIGN + f"+1000-:{GIVEN}:-::\n+10:{GIVEN}:::\n")),
        "users/assign", 5, "names of 100, 1000 begin", "with a dash",
    ),
    (assign(ASSIGN.replace(":-::", ":::")), "users/assign", 3, "no dash behind", "fifth and the"),
    (assign(ASSIGN + f"+abC:{GIVEN}:-::\n"), "users/assign", 4, "ends with a capital", "lower"),
    (assign(ASSIGN + f"=josé:{GIVEN}:::\n"), "users/assign", 4, "outside ASCII", "in ASCII"),
]  # fmt: skip

COMPILED: list[Row] = [
    (remove("users/cdb"), "users/cdb", None, "all 3 assignments bounces", "qmail-newu"),
    (write("users/cdb", b""), "users/cdb", None, "damaged", "qmail-newu"),
    (write("users/cdb", b"\xff" * 3000), "users/cdb", None, "damaged", "qmail-newu"),
    (lambda h: os.truncate(h / "users/cdb", 2060), "users/cdb", None, "damaged", "qmail-newu"),
    (compiled_list("users/cdb", b"!a"), "users/cdb", None, "wildcards", "qmail-newu"),
    (
        assign(ASSIGN + f"=100-ann:{GIVEN}:::\n", compiled=False),
        "users/assign", 4, "users/cdb was not made since", "qmail-newu",
    ),
    (
        assign(ASSIGN.replace("pandle.net:-", "elsewhere:-"), compiled=False),
        "users/assign", 3, "says something else of +100-", "qmail-newu",
    ),
    (
        assign(ASSIGN[ASSIGN.index("\n") + 1 :], compiled=False),
        "users/cdb", None, "still answers for =100-biliards", "qmail-newu",
    ),
    (remove("users/assign"), "users/assign", None, "cannot be run", "users/cdb"),
    (write("users/cdb.tmp", b"x"), "users/cdb.tmp", None, "was killed", "while no qmail-newu"),
    (lambda h: (h / "users/cdb.tmp").mkdir(), "users/cdb.tmp", None, "in the way", "directory"),
    (
        lambda h: (h / "users/cdb.tmp").symlink_to("/tmp/x"),
        "users/cdb.tmp", None, "symbolic link", "Remove the link",
    ),
    (
        write("control/morercpthosts", b"pandle.net\n"),
        "control/morercpthosts.cdb", None, "is refused", "qmail-newmrh",
    ),
    (
        both(
            write("control/morercpthosts", b"pandle.net\n.pandle.net\n"),
            compiled_list("control/morercpthosts.cdb", b"pandle.net"),
        ),
        "control/morercpthosts", 2, "was not made since", "qmail-newmrh",
    ),
    (
        compiled_list("control/morercpthosts.cdb", b"pandle.net"),
        "control/morercpthosts.cdb", None, "is gone", "Remove this file",
    ),
    (
        both(
            write("control/morercpthosts", b"pandle.net\n"),
            write("control/morercpthosts.cdb", b"x"),
        ),
        "control/morercpthosts.cdb", None, "421", "qmail-newmrh",
    ),
]  # fmt: skip


HOMES: list[Row] = [
    (lambda h: shutil.rmtree(h / BOX), BOX, None, "it is missing", "mode 700"),
    (
        both(lambda h: shutil.rmtree(h / BOX), write(BOX, b"")),
        BOX, None, "is no directory", "Move it away",
    ),
    (
        link_box,
        BOX, None, "does not follow", "real path",
    ),
    (link_maildir, f"{BOX}/Maildir", None, "symbolic link", "real path"),
    (mode(BOX, 0o600), BOX, None, "may not enter", "chmod 700"),
    (mode("mailnames/pandle.net", 0o600), BOX, None, "may not pass through", "chmod 711"),
    (mode(BOX, 0o1700), BOX, None, "sticky", "chmod -t"),
    (mode(BOX, 0o702), BOX, None, "Everybody may write", "chmod 700"),
    (mode(BOX, 0o770), BOX, None, "Its group may write", "g-w"),
    (mode(DOT, 0o602), DOT, None, "Everybody may write", "600"),
    (mode(DOT, 0o660), DOT, None, "Its group may write", "g-w"),
    (mode(DOT, 0o700), DOT, None, "owner may execute", "chmod 600"),
    (mode(DOT, 0o200), DOT, None, "may not read it", "chmod 600"),
    (
        both(dot(DEFAULT, b"|exit 100\n"), mode(DEFAULT, 0o700)),
        DEFAULT, None, "owner may execute", "chmod 600",
    ),
    (lambda h: (h / "mailnames/pandle.net/.qmail-d").mkdir(),
     "mailnames/pandle.net/.qmail-d", None, "no plain file", "plain file"),
    (dot("mailnames/pandle.net/.qmail-A.B", b"#\n"),
     "mailnames/pandle.net/.qmail-A.B", None, "never found", ".qmail-a:b"),
    (dot("mailnames/pandle.net/.qmail-x-owner", b"#\n"),
     "mailnames/pandle.net/.qmail-x-owner", None, "-owner does not work", "Remove it"),
    (maildir("tmp"), f"{BOX}/Maildir", None, "tmp of this Maildir is missing", "maildirmake"),
    (maildir("new"), f"{BOX}/Maildir", None, "new of this Maildir is missing", "maildirmake"),
    (maildir("cur"), f"{BOX}/Maildir", None, "cur of this Maildir is missing", "mode 700"),
    (maildir("."), f"{BOX}/Maildir", None, "is missing", "maildirmake"),
    (mode(f"{BOX}/Maildir/new", 0o500), f"{BOX}/Maildir", None, "may not write in new", "700"),
    (mode(f"{BOX}/Maildir", 0o600), f"{BOX}/Maildir", None, "may not write", "chmod 700"),
    (mode(SIZE, 0o000), SIZE, None, "there is no quota", "chmod 600"),
    (dot(SIZE, b"5000s\n"), SIZE, 1, "no limit: 5000s", "0S,0C"),
    (dot(SIZE, b""), SIZE, 1, "no limit", "0S,0C"),
    (dot(SIZE, b"5000S"), SIZE, 1, "no newline", "newline"),
    (dot(SIZE, b"5000S\r\n    1    1\n"), SIZE, 1, "carriage return", "sed"),
    (dot(SIZE, b"5000S\n"), SIZE, 1, "no usage", "counted again"),
]  # fmt: skip

QUOTA = b"/usr/sbin/deliverquota ./Maildir\n"
INSTRUCTIONS: list[Row] = [
    (dot(DOT, b"\n./Maildir/\n"), DOT, 1, "first line is blank", "Remove the blank line"),
    (dot(DOT, b" \t\n"), DOT, 1, "first line is blank", "write #"),
    (dot(DOT, b"#\n./Maildir/\r\n"), DOT, 2, "not where it belongs", "sed"),
    (dot(DOT, b"./Maildir/\0x\n"), DOT, 1, "NUL", "tr -d"),
    (dot(DOT, b" ./Maildir/\n"), DOT, 1, "blank stands before", "begin with its sign"),
    (dot(DOT, b"\t|true\n"), DOT, 1, "blank stands before", "begin with its sign"),
    (dot(DOT, b"Maildir/\n"), DOT, 1, "no sign", "path with ./"),
    (dot(DOT, b"true\n"), DOT, 1, "no sign", "program with |"),
    (dot(DOT, b"./Maildir\n"), DOT, 1, "is a directory", "slash"),
    (dot(DOT, b".\n"), DOT, 1, "is a directory", "slash"),
    (dot(DOT, b"./NoDir/\n"), f"{BOX}/NoDir", None, "is missing", "maildirmake"),
    (dot(DOT, b"/dev/null\n"), DOT, 1, "/dev/null", "#"),
    (dot(DOT, QUOTA), DOT, 1, "without its |", "Write |"),
    (dot(DOT, b"|/nowhere/deliverquota ./Maildir\n"), DOT, 1, "no program", "/usr/sbin"),
    (dot(DOT, b"|nowhere-such-a-program\n"), DOT, 1, "no program nowhere", "command -v"),
    (dot(DOT, b"|A=1 " + QUOTA), DOT, 1, "lacks Return-Path", "preline -f"),
    (dot(DOT, b"|/bin/preline " + QUOTA), DOT, 1, "mbox format", "preline -f"),
    (dot(DOT, b"|bouncesaying No such user\n"), DOT, 1, "takes such for a program", "quotes"),
    (dot(DOT, b"|/usr/bin/mailbot -t r.txt\n"), DOT, 1, "also answers bounces", "$SENDER"),
    (dot(DOT, b"|: " + b"x" * 131_100), DOT, 1, "longer than", "into a file"),
    (dot(DOT, b"&\n"), DOT, 1, "one address", "plain address"),
    (dot(DOT, b"& a@b.test\n"), DOT, 1, "one address", "plain address"),
    (dot(DOT, b"&Joe <a@b.test>\n"), DOT, 1, "one address", "without name"),
    (dot(DOT, b"&a@b.test, c@b.test\n"), DOT, 1, "one address", "commas"),
    (dot(DOT, b"&biliards\n"), DOT, 1, "no domain", "whole address"),
    (dot(DOT, b"&Bilardi@pandle.net\n"), DOT, 1, "comes back", "./Maildir/"),
    (dot("mailnames/pandle.net/.qmail-a:b", b"&a.b@pandle.net\n"),
     "mailnames/pandle.net/.qmail-a:b", 1, "comes back", "Remove"),
    (
        both(dot(DEFAULT, NO_MAILBOX), dot(POSTMASTER, b"#\n&Jo@Pandle.net\n")),
        POSTMASTER, 2, "Nobody has the address jo@pandle.net", "Make a mailbox",
    ),
    (
        both(remove(DEFAULT), dot(POSTMASTER, b"jo@pandle.net\n")),
        POSTMASTER, 1, "Nobody has the address jo@pandle.net", "Make a mailbox",
    ),
    (dot(DOT, b"+list\n./Maildir/\n"), DOT, 2, "only forwards", "+list"),
    (dot(DOT, b"#\n+other\n"), DOT, 2, "no effect", "address with &"),
]  # fmt: skip

VDELIVER = b"| /bin/vdelivermail '' bounce-no-mailbox\n"
BOB = "bob:$1$x:1:0:Bob:HOME/bob:NOQUOTA\n"
BILIARDS = "biliards:$1$x:1:0::HOME/biliards:5000000S\n"
WILDCARD = f"+100-:{GIVEN}:-::\n"
VPASSWD, BILIARDS_DOT = "mailnames/pandle.net/vpasswd", "mailnames/pandle.net/.qmail-biliards"


def vpopmail(boxes: str, default: bytes = VDELIVER, *plants: Plant) -> Plant:
    """A domain that vpopmail keeps: one wildcard, vpasswd, and a home for each mailbox."""

    def plant(home: Path) -> None:
        assign(WILDCARD)(home)
        write("bin/vdelivermail", b"", 0o755)(home)
        dot(DEFAULT, default.replace(b"/bin/", f"{home}/bin/".encode()))(home)
        root = str(home / "mailnames/pandle.net")
        write(VPASSWD, boxes.replace("HOME", root).encode())(home)

    return both(plant, *plants)


def forward(*lines: bytes) -> Plant:
    return dot(BILIARDS_DOT, b"".join(line + b"\n" for line in lines))


BEHIND: list[Row] = [
    (both(assign(WILDCARD), remove(DEFAULT)),
     "mailnames/pandle.net", None, "all of it bounces", ".qmail-default"),
    (vpopmail(BILIARDS, VDELIVER, maildir("")),
     f"{BOX}/Maildir", None, "is missing: each message waits", "maildirmake"),
    (vpopmail(BOB + BILIARDS.replace("5000000S", "1S")),
     VPASSWD, 2, "The quota of biliards is 1S", "bytes"),
    (vpopmail(BILIARDS, VDELIVER, forward(b"&a@b.test")),
     BILIARDS_DOT, None, "all mail of the mailbox", "Remove it"),
    (vpopmail(BILIARDS, VDELIVER, dot(DOT, b"# mine\n|/no/such/program\n")),
     DOT, 2, "no program /no/such/program", "Write the path"),
    (vpopmail(BILIARDS, b"| /bin/vdelivermail '' -e nobody\n"),
     DEFAULT, 1, "nobody does not exist", "bounce-no-mailbox"),
]  # fmt: skip

ROWS = [
    *LISTS, *VALUES, *FILES, *ROUTES, *OWN_NAMES, *ASSIGNMENTS, *COMPILED, *HOMES, *INSTRUCTIONS,
    *BEHIND,
]  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_healthy(tmp_path / "qmail")


@pytest.mark.parametrize(
    "target",
    ["biliards", "jo", "jo-x", "no-x-y", "list-1", "a.b", "off"],
)
def test_a_forward_to_what_some_file_or_line_is_about_is_healthy(home, target):
    lines = ASSIGN + "+100-list-:popuser:110:31:{root}/pandle.net:-:list-:\n"
    assign(lines)(home)
    bouncesaying = home / "bin/bouncesaying"
    bouncesaying.parent.mkdir(exist_ok=True)
    shutil.copy("/bin/true", bouncesaying)
    no_mailbox = NO_MAILBOX.replace(b"/var/qmail", bytes(home))
    dot(DEFAULT, no_mailbox)(home)
    for name in ("jo", "jo-default", "no-default", "a:b"):
        dot(f"mailnames/pandle.net/.qmail-{name}", b"#\n")(home)
    dot("mailnames/pandle.net/.qmail-off", no_mailbox)(home)
    dot(POSTMASTER, f"&{target}@pandle.net\n&jo@elsewhere.test\n".encode())(home)
    assert [str(finding) for finding in look(home)] == []


def test_a_healthy_host_gives_nothing(home):
    assert [str(finding) for finding in look(home)] == []


@pytest.mark.parametrize("row", ROWS, ids=[f"{number}-{row[3]}" for number, row in enumerate(ROWS)])
def test_each_trap_is_found_with_its_file_its_line_and_the_remedy(home, row):
    plant, name, number, meaning, remedy = row
    plant(home)
    places = {name, str(home / name)}
    found = look(home)
    assert any(
        finding.file in places
        and finding.number == number
        and meaning in finding.meaning
        and remedy in finding.remedy
        for finding in found
    ), [(one.file, one.number, one.meaning, one.remedy) for one in found]


FINE: list[Plant] = [
    vpopmail(BILIARDS),
    vpopmail(BOB),  # its home is made with its first message
    vpopmail(BILIARDS, b"| /bin/vdelivermail '' biliards\n"),
    vpopmail(BILIARDS, b"| /bin/vdelivermail '' ann@elsewhere.test\n"),
    vpopmail(BILIARDS, VDELIVER, forward(b"&a@b.test", b"./biliards/Maildir/")),
    vpopmail(BILIARDS.replace("HOME/biliards", "/elsewhere/biliards")),
    both(assign(WILDCARD), remove(DEFAULT), forward(b"&a@b.test")),
    *(write(BYTES, content) for content in (b"0\n", b"20971520 \t\nx", b"\n", b"9" * 30)),
    both(write(LOCAL, b"5\n"), write(REMOTE, b"255\n"), write(LIFE, b"172800\n")),
    both(append(RCPT, b".a.test\n"), append(VIRTUAL, b".a.test:100\n")),
    both(append(RCPT, b".a.test\n"), append(VIRTUAL, b"x.y.a.test:100\n")),
    both(append(RCPT, b".a.test\n"), append(VIRTUAL, b".a.test:100\nx.a.test:\n")),
    both(
        append(RCPT, b"x.a.test\n"), append(VIRTUAL, b".a.test:100\n"), append(RCPT, b".a.test\n")
    ),
    both(append(RCPT, b"a.test\n"), append(VIRTUAL, b":100\n")),
    both(append(RCPT, b"a.test\n"), write("control/smtproutes", b"a.test:mx.b.test\n")),
    both(append(VIRTUAL, b"off.test:200\n"), assign(ASSIGN + f"+200-:{GIVEN}:-::\n")),
    append(VIRTUAL, b"old.test:100-.left\n"),
    append(VIRTUAL, b"joe@pandle.net:100\n"),
    append(VIRTUAL, b"# a comment: with\ta b:c\r\n\n \t\n"),
    both(write(VIRTUAL, b"PANDLE.net:100 \t"), write(RCPT, b"mail.VM.test\nPandle.Net")),
    write("control/badmailfrom", b"a@b.test\n@c.test\njoe@pandle.net\n"),
    write(OUT, b"b.test:127.0.0.1:10025\nc.test:mx.c.test:25\n:\n::26\npandle.net:localhost\n"),
    assign(ASSIGN + f"+10-:{GIVEN}:-::\n+101-:{GIVEN}:-::\n+00-:{GIVEN}:-::\n"),
    assign(ASSIGN + f"+100-john-:{GIVEN}/biliards:-::\n+100-anna+:{GIVEN}:-::\n"),
    assign(ASSIGN + f"=100-Upper:{GIVEN}/biliards:::\n"),
    both(
        write("control/morercpthosts", b"# more\npandle.net\n"),
        compiled_list("control/morercpthosts.cdb", b"pandle.net"),
        write(RCPT, b"mail.vm.test\n"),
    ),
    dot(DOT, b"#\n\n  \n./Maildir/"),
    dot(DOT, b"./Maildir/\n&Joe@elsewhere.test\nann@elsewhere.test\n|exit 99\n"),
    dot(DOT, b"|/bin/true 'a b' c\n|A=1 exit 0\n| true\n|[ -n \"$SENDER\" ] || exit 99\n"),
    dot(DOT, b""),
    remove(DOT),
    lambda h: (h / "mailnames/pandle.net/.qmail-d").symlink_to(".qmail-default"),
    dot("mailnames/pandle.net/.qmail-jane:roe", b"&a@b.test\n"),
    dot(SIZE, b"5000S, 3C\n    10    1\n"),
    dot(SIZE, b"1C,5000S\n    10    1\n"),
    mode(BOX, 0o500),
    mode(DOT, 0o610),
    both(dot(DEFAULT, b"&a@b.test\n"), mode(DEFAULT, 0o700)),
]


@pytest.mark.parametrize("plant", FINE, ids=range(len(FINE)))
def test_what_only_looks_like_a_trap_gives_nothing(home, plant):
    plant(home)
    assert [(one.file, one.number, one.meaning) for one in look(home)] == []
