"""The maps of lists: control/morercpthosts and the lists of known recipients."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Foreign, Shared

GOLDEN = Path(__file__).parent / "golden"
NEWMRH = Path("/var/qmail/bin/qmail-newmrh")

names = st.sampled_from(
    [b"a.test", b".A.test", b"#b.test", b"", b" ", b"  c", b"d\0e", b"\xc3\xa4"]
)
lines = st.builds(
    b"".join,
    st.lists(
        st.builds(
            lambda name, end: name + end,
            names,
            st.sampled_from([b"\n", b" \t\n", b"\r\n", b""]),
        )
    ),
)


def compiled(shared: Shared, content: bytes, path: Path) -> bytes:
    with path.open("w+b") as file:
        MAPS[shared].compile(content, file)
    return path.read_bytes()


def test_morercpthosts_compiles_to_what_qmail_newmrh_made_of_it(tmp_path: Path) -> None:
    content = (GOLDEN / "morercpthosts").read_bytes()
    made = (GOLDEN / "morercpthosts.cdb").read_bytes()
    assert compiled(Shared.MORE, content, tmp_path / "cdb") == made


@pytest.mark.parametrize(
    ("shared", "key"),
    [
        (Shared.VALID, b"joe@a.test"),
        (Shared.MORE_VALID, b"joe@a.test"),
        (Shared.RECIPIENTS, b":joe@a.test"),
    ],
)
def test_a_list_of_recipients_has_the_keys_that_its_reader_asks_for(tmp_path, shared, key) -> None:
    its, path = MAPS[shared], tmp_path / "cdb"
    compiled(shared, b"# mine\nJoe@a.test \n", path)
    with path.open("rb") as file:
        assert list(AnyMap(file).records()) == [(key, b"")]
    assert its.key(b"joe@a.test") == key
    assert its.line(key, b"") == b"joe@a.test\n"


def test_a_map_is_to_say_what_its_foreign_lines_say() -> None:
    foreign = Foreign(Shared.ASSIGN, (b"=joe:u:1:2:/h:-:x:\n", b"=joe:second:1:2:/h:::\n"))
    keys = [b"=joe", b"=ann"]
    assert MAPS[Shared.ASSIGN].answers(foreign, keys) == {b"=joe": b"u\x001\x002\0/h\0-\0x"}
    assert MAPS[Shared.MORE].answers(Foreign(Shared.MORE, (b"A.test\n",)), [b"a.test"]) == {
        b"a.test": b""
    }


# The real qmail-newmrh has its home compiled in: it runs in a mount namespace of its own.

LOOP = """
set -e
mount --make-rprivate /
mount --bind "$1/qmail" /var/qmail
cd "$1"
for case in case-*; do
    cp "$case" /var/qmail/control/morercpthosts
    /var/qmail/bin/qmail-newmrh
    mv /var/qmail/control/morercpthosts.cdb "$1/cdb-${case#case-}"
done
"""


def _newmrh(directory: Path, files: list[bytes]) -> list[bytes]:
    (directory / "qmail/bin").mkdir(parents=True)
    (directory / "qmail/control").mkdir()
    copy = directory / "qmail/bin/qmail-newmrh"
    copy.write_bytes(NEWMRH.read_bytes())
    copy.chmod(0o700)
    for number, content in enumerate(files):
        (directory / f"case-{number}").write_bytes(content)
    subprocess.run(["unshare", "-m", "sh", "-c", LOOP, "sh", str(directory)], check=True)
    return [(directory / f"cdb-{number}").read_bytes() for number in range(len(files))]


@pytest.mark.qmail
@pytest.mark.root
@pytest.mark.skipif(not os.access(NEWMRH, os.X_OK), reason="no qmail in /var/qmail, or not root")
@settings(max_examples=5, deadline=None)
@given(files=st.lists(lines, min_size=40, max_size=60))
def test_the_real_qmail_newmrh_makes_the_same_bytes(files) -> None:
    golden = (GOLDEN / "morercpthosts").read_bytes()
    with tempfile.TemporaryDirectory() as directory:
        made = _newmrh(Path(directory), [golden, *files])
        ours = [compiled(Shared.MORE, one, Path(directory, "ours")) for one in [golden, *files]]
    assert made == ours
