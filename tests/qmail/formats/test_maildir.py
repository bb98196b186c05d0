"""maildirsize: what we write, and what other programs make of it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmailpanel.qmail.formats import maildir
from qmailpanel.qmail.formats.maildir import BadMaildirSize, MaildirSize

GOLDEN = Path(__file__).parent / "golden"
DELIVERQUOTA = shutil.which("deliverquota", path="/usr/sbin:/usr/bin") or ""

numbers = st.integers(-(10**15), 10**15)
sizes = st.builds(
    MaildirSize,
    storage=st.integers(0, 10**18 - 1),
    messages=st.integers(0, 10**18 - 1),
    usage=st.lists(st.tuples(numbers, numbers)).map(tuple),
)


def test_a_new_maildir_has_no_limit_and_no_usage():
    new = MaildirSize().render()
    assert (GOLDEN / "maildirsize").read_bytes() == new
    assert maildir.parse(new) == MaildirSize()


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (b"5000S,3C\n", MaildirSize(5000, 3, ())),
        (b"3C,5000S\n", MaildirSize(5000, 3, ())),
        (b"5000S, 3C\n", MaildirSize(5000, 3, ())),
        (b"5000S\r\n", MaildirSize(5000, 0, ())),
        (b"3C", MaildirSize(0, 3, ())),
        (b"1048576S\n426 1\n", MaildirSize(1048576, 0, ((426, 1),))),
        (b"0S\n   1000 1\n  -400 -1\n", MaildirSize(0, 0, ((1000, 1), (-400, -1)))),
    ],
)
def test_the_files_of_other_programs_are_read(content, size):
    assert maildir.parse(content) == size


def test_the_usage_is_the_sum_of_what_came_and_went():
    assert maildir.parse(b"0S\n1000 1\n500 1\n-400 -1\n").used == (1100, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"word\n",
        b"5000\n",
        b"5000s\n",
        b"5K\n",
        b"-1S\n",
        b"12345678901234567890S\n",
        b"5000S         426            1\n",
        b"0S\n\n1 1\n",
        b"0S\n1\n",
        b"0S\n1 x\n",
    ],
)
def test_a_file_that_means_no_limit_by_accident_is_refused(content):
    with pytest.raises(BadMaildirSize):
        maildir.parse(content)


@given(sizes)
def test_a_size_survives_writing_and_reading(size):
    assert maildir.parse(size.render()) == size


@given(st.binary() | st.from_regex(rb"\A([0-9SC, \n-]|\r\n){0,30}\Z"))
def test_any_content_is_a_size_or_refused(content):
    try:
        size = maildir.parse(content)
    except BadMaildirSize:
        return
    assert maildir.parse(size.render()) == size


@pytest.mark.skipif(not DELIVERQUOTA, reason="no deliverquota")
def test_deliverquota_keeps_to_the_limit_we_write(tmp_path):
    box = tmp_path / maildir.NAME
    for name in maildir.DIRECTORIES:
        (box / name).mkdir(parents=True)
    (box / maildir.SIZE).write_bytes(MaildirSize(storage=5000).render())
    for size, answer in [(1000, 0), (6000, 77), (1000, 0)]:
        message = b"From: a@b.c\n\n" + b"x" * size
        said = subprocess.run([DELIVERQUOTA, str(box)], input=message, check=False)
        assert said.returncode == answer
    assert maildir.parse((box / maildir.SIZE).read_bytes()).used[1] == 2
