"""users/assign: what qmail-newu takes, what it refuses, and what we refuse to write."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats import assign
from qmailpanel.qmail.formats.assign import Assignment, BadAssign

GOLDEN = Path(__file__).parent / "golden"
BILIARDS = Assignment(
    sign="=",
    local="100-biliards",
    user="popuser",
    uid=110,
    gid=31,
    home="/var/qmail/mailnames/pandle.net/biliards",
    dash="",
    ext="",
)
BILARDI = replace(BILIARDS, local="100-bilardi")
REST = replace(BILIARDS, sign="+", local="100-", home="/var/qmail/mailnames/pandle.net", dash="-")

words = st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", max_size=8)
ids = st.integers(1, 2**32 - 2)
assignments = st.builds(
    Assignment,
    sign=st.sampled_from(["=", "+"]),
    local=words,
    user=words,
    uid=ids,
    gid=ids,
    home=words.filter(lambda text: text != "..").map("/{}".format),
    dash=st.sampled_from(["", "-"]),
    ext=words,
)
# Any file, with a liking for what matters in this format.
contents = st.lists(
    st.one_of(
        assignments.map(lambda one: one.line),
        st.lists(
            st.sampled_from([b"=a", b"+B-", b"+c", b":", b":::::::", b"x", b"\r", b"\xff", b"#"]),
            max_size=4,
        ).map(lambda parts: b"".join(parts) + b"\n"),
        st.sampled_from([b"\n", b".\n", b".", b".x\n", b"\0", b" =a:::::::\n", b"+D:::::::z:\n"]),
        st.binary(max_size=9),
    ),
    max_size=8,
).map(b"".join)


def test_the_seed_domain_is_rendered_as_the_golden_file():
    lines = [one.line for one in (BILARDI, BILIARDS, REST)]
    assert b"".join([*lines, b".\n"]) == (GOLDEN / "assign").read_bytes()


def test_the_golden_file_is_parsed_back():
    records, dead = assign.cut((GOLDEN / "assign").read_bytes())
    assert [assign.parse(record) for record in records] == [BILARDI, BILIARDS, REST]
    assert dead == b""


def test_a_record_is_known_by_its_sign_and_name():
    assert BILIARDS.key == b"=100-biliards" == assign.line_key(BILIARDS.line)
    assert REST.key == b"+100-" == assign.line_key(REST.line)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"local": "100-a:b"}, "a colon"),
        ({"local": "100-a\n"}, "a colon, or is not printable"),
        ({"local": "100-a\r"}, "a colon, or is not printable"),
        ({"local": "100-a\0"}, "a colon, or is not printable"),
        ({"local": "100-a\x7f"}, "a colon, or is not printable"),
        ({"local": "100-é"}, "a colon, or is not printable"),
        ({"local": "100-A"}, "lower case"),
        ({"sign": "."}, "lower case behind = or +"),
        ({"sign": ""}, "lower case behind = or +"),
        ({"user": "pop:user"}, "a colon"),
        ({"uid": 0}, "as root"),
        ({"gid": 0}, "as root"),
        ({"uid": -1}, "as root"),
        ({"gid": 2**32}, "as root"),
        ({"uid": 2**32 - 1}, "as root"),
        ({"home": ""}, "absolute path"),
        ({"home": "var/qmail"}, "absolute path"),
        ({"home": "/var/qmail/../etc"}, "absolute path"),
        ({"home": "/var/qmail/.."}, "absolute path"),
        ({"home": "/var\n=x:root:0:0:/:::"}, "a colon, or is not printable"),
        ({"dash": "-\n"}, "a colon, or is not printable"),
        ({"ext": "x:"}, "a colon"),
    ],
)
def test_a_harmful_assignment_is_refused_at_the_pen(change, reason):
    with pytest.raises(BadAssign, match=reason.replace("+", r"\+")):
        replace(BILIARDS, **change).line  # noqa: B018 - the property is what refuses


RECORD = b"=a:u:1:1:/h:::\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: no line with a dot ends the file"),
        (RECORD, "line 2: no line with a dot ends the file"),
        (RECORD + b"=b:u:1:1:/h:::", "line 2: no line with a dot ends the file"),
        (RECORD + b"\n.\n", "line 2: fewer than seven colons"),
        (RECORD + b"# text\n.\n", "line 2: fewer than seven colons"),
        (RECORD + b"=b:u:1:1:/h::\n.\n", "line 2: fewer than seven colons"),
        (RECORD + b":a:u:1:1:/h:::\n.\n", "line 2: no name before the first colon"),
        (b":a:u:1:1:/h:::\n.\n", "line 1: no name before the first colon"),
        (RECORD + b"=b:u:1:1:/h\0:::\n.\n", "line 2: a NUL byte"),
    ],
)
def test_a_file_that_qmail_newu_refuses_is_refused_with_the_line(content, says):
    with pytest.raises(BadAssign) as refused:
        assign.cut(content)
    error = refused.value
    assert says == str(error) == f"line {error.number}: {error.reason}"


@pytest.mark.parametrize(
    ("content", "records", "dead"),
    [
        (b".\n", [], b""),
        (b".", [], b""),
        (b".comment\nx\0", [], b"x\0"),
        (RECORD + b".", [RECORD], b""),
        (RECORD + b".\n=b\n\0", [RECORD], b"=b\n\0"),
        (RECORD + b".x:\n.\n", [RECORD], b".\n"),
        (b"=a\r:u:1:1:/h:::\r\n.\r\n", [b"=a\r:u:1:1:/h:::\r\n"], b""),
    ],
)
def test_the_first_line_that_begins_with_a_dot_ends_the_file(content, records, dead):
    assert assign.cut(content) == (records, dead)


@pytest.mark.parametrize(
    ("line", "key", "value", "pair"),
    [
        (b"=a:u:1:2:/h:-:e:\n", b"=a", b"=a:u:1:2:/h:-:e:", (b"!a\0", b"u\0001\0002\0/h\0-\0e")),
        (b"+A-:u:1:2:/h:-::\n", b"+a-", b"+a-:u:1:2:/h:-::", (b"!a-", b"u\0001\0002\0/h\0-\0")),
        (b"#=A:u:1:1:/h:::\n", b"==a", b"==a:u:1:1:/h:::", (b"!=a\0", b"u\0001\0001\0/h\0\0")),
        (b"xa:u:1:1:/h:::\r\n", b"=a", b"=a:u:1:1:/h:::", (b"!a\0", b"u\0001\0001\0/h\0\0")),
        (b"=a:u:1:1:/h:::x:y\n", b"=a", b"=a:u:1:1:/h:::", (b"!a\0", b"u\0001\0001\0/h\0\0")),
        (b"+:u:1:1:/h:::\n", b"+", b"+:u:1:1:/h:::", (b"!", b"u\0001\0001\0/h\0\0")),
        (b"=:u:1:1:/h:::\n", b"=", b"=:u:1:1:/h:::", (b"!\0", b"u\0001\0001\0/h\0\0")),
        (b"=\xc3\x89:::::::\n", b"=\xc3\x89", b"=\xc3\x89:::::::", (b"!\xc3\x89\0", b"\0" * 5)),
    ],
)
def test_a_raw_record_is_seen_as_qmail_newu_sees_it(line, key, value, pair):
    assert assign.line_key(line) == key
    assert assign.line_value(line) == value
    assert assign.pair(line) == pair


def test_a_wildcard_in_upper_case_differs_in_value_because_qmail_never_matches_it():
    upper, lower = b"+abC:u:1:1:/h:::\n", b"+abc:u:1:1:/h:::\n"
    assert assign.line_key(upper) == assign.line_key(lower)
    assert assign.line_value(upper) != assign.line_value(lower)


def test_wildchars_are_noted_once_in_order_and_with_their_case():
    lines = [b"+b-:", b"=x_:", b"+a-:", b"+Z:", b"+z:", b"+:", b"+w+:"]
    assert assign.wildchars(lines) == b"-Zz+"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b".",
        b"=a:u:x:1:/h:::",
        b"=a:u::1:/h:::",
        b"=a:u:99999999999:1:/h:::",
        b"=\xc3\xa9:u:1:1:/h:::",
        b"a\n" + RECORD,
    ],
)
def test_a_line_that_is_not_a_record_is_not_parsed(line):
    with pytest.raises(BadAssign):
        assign.parse(line)


@given(assignments)
def test_an_assignment_survives_writing_and_reading(one):
    assert assign.parse(one.line) == one
    assert assign.line_key(one.line) == one.key
    assert assign.line_value(one.line) + b"\n" == one.line


@given(contents)
def test_any_file_is_cut_without_loss_or_refused(content):
    try:
        records, dead = assign.cut(content)
    except BadAssign:
        return
    head = b"".join(records)
    assert content.startswith(head)
    assert content.endswith(dead)
    end = content[len(head) : len(content) - len(dead)]
    assert end.startswith(b".")
    assert b"\n" not in end[:-1]


@given(contents.filter(lambda content: b"." in content))
def test_records_of_one_value_are_one_to_qmail(content):
    try:
        records, _ = assign.cut(content)
    except BadAssign:
        return
    for record in records:
        value = assign.line_value(record)
        assert assign.pair(value) == assign.pair(record)
        assert assign.wildchars([value]) == assign.wildchars([record])
        assert assign.line_key(value) == assign.line_key(record)


@given(st.binary())
def test_any_line_is_an_assignment_or_refused(line):
    try:
        one = assign.parse(line)
    except BadAssign:
        return
    assert assign.line_key(line) == one.key
