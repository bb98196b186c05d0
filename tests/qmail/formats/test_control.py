"""Files that list names: as qmail's one parser reads them, and as we write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats import control
from qmailpanel.qmail.names import DomainName

GOLDEN = Path(__file__).parent / "golden"
PACKAGE = Path(control.__file__).parents[2]
NAMES = [DomainName("pandle.net"), DomainName("bücher.example")]

contents = st.lists(
    st.sampled_from(
        [b"a.b", b"A.B:1", b":", b"u@", b" ", b"\t", b"#", b"\0", b"\r", b"\n", b"\xff"]
    )
    | st.binary(max_size=3)
).map(b"".join)


def test_virtualdomains_is_rendered_as_the_golden_file():
    lines = [control.render_virtual(name, number) for number, name in enumerate(NAMES, start=100)]
    assert b"".join(lines) == (GOLDEN / "virtualdomains").read_bytes()


def test_rcpthosts_is_rendered_as_the_golden_file():
    lines = [control.render_host(name) for name in NAMES]
    assert b"".join(lines) == (GOLDEN / "rcpthosts").read_bytes()


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b"", []),
        (b"a.b", [(1, b"a.b")]),
        (b"a.b\nc.d\n", [(1, b"a.b"), (2, b"c.d")]),
        (b"\n \t\na.b \t\n", [(3, b"a.b")]),
        (b"# note\n#\n #x\n", [(3, b" #x")]),
        (b"a.b # note\n", [(1, b"a.b # note")]),
        (b"a.b\r\n", [(1, b"a.b\r")]),
        (b"a.b\rc.d\n", [(1, b"a.b\rc.d")]),
        (b"a.b\0c.d\n", [(1, b"a.b"), (1, b"c.d")]),
        (b"\0c.d\n", []),
        (b"A.B\n", [(1, b"A.B")]),
    ],
)
def test_entries_are_read_as_qmail_reads_them(content, read):
    assert control.entries(content) == read


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        (b"Pandle.Net:100\n", b"pandle.net", b"pandle.net:100"),
        (b"pandle.net:100 \t\n", b"pandle.net", b"pandle.net:100"),
        (b"pandle.net:100", b"pandle.net", b"pandle.net:100"),
        (b"Joe@v.test:7\n", b"joe@v.test", b"joe@v.test:7"),
        (b".v.test:a:B\n", b".v.test", b".v.test:a:B"),
        (b"v.test:\n", b"v.test", b"v.test:"),
        (b":catch-all\n", b"", b":catch-all"),
        (b"pandle.net:100\r\n", b"pandle.net", b"pandle.net:100\r"),
        (b" pandle.net:100\n", b" pandle.net", b" pandle.net:100"),
        (b"no colon\n", None, b"no colon"),
        (b"# a:b\n", None, b""),
        (b"\n", None, b""),
        (b"", None, b""),
    ],
)
def test_a_raw_line_of_virtualdomains_is_known_by_its_name(line, key, value):
    assert control.virtual_key(line) == key
    assert control.virtual_value(line) == value


@pytest.mark.parametrize(
    ("line", "key"),
    [(b"Pandle.Net \n", b"pandle.net"), (b".net", b".net"), (b"#x\n", None), (b" \n", None)],
)
def test_a_raw_line_of_rcpthosts_is_known_by_its_name(line, key):
    assert control.host_key(line) == key


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (b"pandle.net", b"pandle.net"),
        (b"joe@pandle.net", b"pandle.net"),
        (b"a@b@pandle.net", b"pandle.net"),
        (b".net", b".net"),
        (b"", b""),
    ],
)
def test_a_virtualdomains_key_concerns_a_domain(key, name):
    assert control.routed_name(key) == name


@given(contents)
def test_any_content_is_split_without_loss(content):
    assert b"".join(control.split_lines(content)) == content


@given(contents)
def test_any_content_is_read_without_an_error(content):
    for number, entry in control.entries(content):
        assert 1 <= number <= content.count(b"\n") + 1
        assert entry
        assert b"\n" not in entry
        assert b"\0" not in entry


@given(contents.filter(lambda content: b"\0" not in content))
def test_the_key_of_every_line_is_the_entry_in_lower_case(content):
    keys = [key for line in control.split_lines(content) if (key := control.host_key(line))]
    assert keys == [entry.lower() for _, entry in control.entries(content)]


@given(contents)
def test_a_value_has_the_key_of_its_line(line):
    value = control.virtual_value(line)
    assert control.virtual_key(value) == control.virtual_key(line)
    assert control.virtual_value(value) == value


@given(st.sampled_from(NAMES), st.integers(1, 10**6))
def test_a_rendered_line_is_read_back(name, prepend):
    line = control.render_virtual(name, prepend)
    assert control.virtual_key(line) == control.host_key(control.render_host(name)) == name.encode()
    assert control.virtual_value(line) == b"%b:%d" % (name.encode(), prepend)


def test_a_line_ends_at_a_newline_and_at_nothing_else() -> None:
    content = b"a\rb\r\nc\x0b\x0c\x1c\x85\n\n\xe2\x80\xa8d"
    assert b"".join(control.split_lines(content)) == content
    assert control.bare_lines(content) == content.split(b"\n")


def test_nobody_cuts_a_file_of_qmail_with_splitlines() -> None:
    """It also cuts at CR, and that of text at seven more characters."""
    modules = [*(PACKAGE / "qmail").rglob("*.py"), *(PACKAGE / "sync").rglob("*.py")]
    assert len(modules) > 50
    assert [str(m) for m in modules if "splitlines" in m.read_text()] == []
