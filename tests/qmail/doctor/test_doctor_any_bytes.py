"""Whatever the files of a host contain, the doctor survives it."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from qmailpanel.qmail.doctor import ExaminedHost, examine_home, examine_shared
from qmailpanel.qmail.doctor.assigned_homes import (
    AssignedHome,
    ExaminedHome,
    ExaminedMaildir,
    find_homes,
)
from qmailpanel.qmail.doctor.compiled import examine_compiled
from qmailpanel.qmail.doctor.control_lists import LISTS
from qmailpanel.qmail.doctor.control_values import VALUES
from qmailpanel.qmail.doctor.examined import File
from qmailpanel.qmail.doctor.instructions import find_paths
from qmailpanel.qmail.formats import dotqmail
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.formats.commands import find_maildir, read_words
from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.examine_homes import read_home
from qmailpanel.qmail.host.walk import Walk
from qmailpanel.qmail.pause import finish
from tests.kit.sick import BOX, look, make_healthy

PIECES = [
    b"\n", b"\r\n", b"\0", b":", b"@", b".", b"..", b"#", b" ", b"\t", b"=", b"+", b"-", b"|", b"&",
    b"/", b"'", b'"', b"\\", b"%", b"%s", b"%(x)s", b"$(", b";", b"\xff", b"\xef\xbb\xbf",
    b"a.test", b"100", b"100-", b"./Maildir/", b"popuser:110:31:/a:-::", b"=1-a:u:110:31:/x:::\n",
    b".\n", b"deliverquota", b"preline -f ", b"bouncesaying a b", b"5000S", "é".encode(),
]  # fmt: skip
NAMES = [*LISTS, *VALUES, *map(str, Shared), "control/me", "control/smtproutes"]
contents = st.one_of(st.binary(max_size=80), st.lists(st.sampled_from(PIECES)).map(b"".join))
modes = st.integers(0, 0o177777)


def examine(host: ExaminedHost) -> None:
    for finding in examine_shared(host, lambda _word: False):
        if finding:
            assert finding.meaning.isprintable()
            assert finding.remedy.isprintable()


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.builds(lambda mode, content: File(mode, content=content), modes, contents),
    )
)
def test_any_control_files(files):
    examine(ExaminedHost("/var/qmail", files, alias={".qmail-x": File(0o100644, content=b"x")}))
    homes = finish(find_homes(ExaminedHost("/var/qmail", files)))
    assert all(path.startswith("/") or not path for path in homes)


@given(st.sampled_from(list(MAPS)), contents, contents, st.booleans())
def test_any_map_beside_any_file(shared, content, compiled, is_there):
    with tempfile.TemporaryFile() as file:
        file.write(compiled)
        file.seek(0)
        try:
            asked = AnyMap(file)
        except (OSError, ValueError):
            asked = None
        files = {MAPS[shared].path: File(0o100644)}
        files |= {shared: File(0o100644, content=content)} if is_there else {}
        list(examine_compiled(ExaminedHost("/var/qmail", files, {shared: asked})))


@given(contents, contents, modes)
def test_any_home(content, size, mode):
    named = AssignedHome("/home/x", 1, 110, 31, plain=True, begins=[(b"", (b"a.test",))])
    box = ExaminedMaildir(
        {
            ".": File(mode),
            "new": File(mode),
            "maildirsize": File(mode, content=size),
        }
    )
    dots = {name: File(mode, content=content) for name in (".qmail", ".qmail-A\udcff.b")}
    places = dict.fromkeys(find_paths(content), box)
    host = ExaminedHome(named, File(mode), dots, places, dict.fromkeys(places, True))
    for finding in examine_home(host, lambda _word: False):
        assert finding.meaning.isprintable()
        assert finding.file.isprintable()


@example(b"deliverquota ''")
@given(contents)
def test_any_command(text):
    assert find_maildir(read_words(text)) != ""


@given(contents)
def test_the_places_are_those_that_qmail_local_would_deliver_to(content):
    try:
        parsed = dotqmail.parse(content)
    except dotqmail.BadDotQmail:
        return
    real = {one.text for one in parsed if isinstance(one, dotqmail.Maildir | dotqmail.Mbox)}
    assert real <= set(find_paths(content))


@given(contents, contents, contents)
def test_any_bytes_on_a_real_disk(content, assign, size):
    with tempfile.TemporaryDirectory() as directory:
        home = make_healthy(Path(directory) / "qmail")
        (home / BOX / ".qmail").write_bytes(content)
        (home / BOX / "Maildir/maildirsize").write_bytes(size)
        (home / "users/assign").write_bytes((home / "users/assign").read_bytes()[:-2] + assign)
        look(home)


@given(st.text(st.characters(exclude_characters="\n:"), max_size=30))
def test_any_path_is_looked_at_without_an_error(path):
    line = f"=a:u:110:31:/{path}:::\n.\n".encode("utf-8", "surrogatepass")
    homes = finish(find_homes(ExaminedHost("/x", {"users/assign": File(0o100644, content=line)})))
    with closing(Walk("/nowhere", delivers=True)) as walk:
        for named in homes.values():
            read_home(walk, named)
