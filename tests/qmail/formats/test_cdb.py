"""users/cdb: to the byte what qmail-newu makes, and answered as qmail-lspawn does."""

import os
import random
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import cdblib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qmailpanel.qmail.formats import assign, cdb
from qmailpanel.qmail.formats.assign import BadAssign
from tests.kit.assign_map import AssignMap, BadMap

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"
NEWU = Path("/var/qmail/bin/qmail-newu")

# Names that meet often, so that duplicates, folding and all kinds of wildcards happen.
names = st.text("aAbB-+._\xe9", max_size=4).map(lambda text: text.encode("latin-1"))
records = st.builds(
    lambda sign, name, rest: sign + name + b":u:1:2:/h:" + rest + b"\n",
    st.sampled_from([b"=", b"+", b"x", b"#", b" "]),
    names,
    st.sampled_from([b"::", b"-::", b"-:pre:", b"::dropped:\r", b"\xff: :"]),
)
valid_files = st.lists(records, max_size=40).map(lambda lines: b"".join([*lines, b".\n"]))
odd_lines = st.sampled_from(
    [b"\n", b"# text\n", b":u:1:2:/h:::\n", b"=a:u:1:2:/h::\n", b".\n", b".x\n", b".", b"=a\0" * 9]
)
any_files = st.lists(records | odd_lines, max_size=12).map(b"".join)


def compiled(content):
    """The map of a users/assign, as bytes."""
    with tempfile.TemporaryFile() as file:
        cdb.compile_assign(content, file)
        file.seek(0)
        return file.read()


@contextmanager
def asked(content):
    """A map with these bytes, to ask."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        yield AssignMap(file)


@pytest.mark.parametrize("name", ["assign", "assign-foreign"])
def test_the_golden_files_compile_to_what_qmail_newu_made_of_them(name):
    made = (GOLDEN / f"{name}.cdb").read_bytes()
    assert compiled((GOLDEN / name).read_bytes()) == made


@given(valid_files)
def test_the_map_has_the_bytes_an_independent_writer_makes(content):
    lines, _ = assign.cut(content)
    with tempfile.TemporaryFile() as file:
        writer = cdblib.Writer(file)
        for line in lines:
            writer.put(*assign.pair(line))
        writer.put(b"", assign.wildchars(lines))
        writer.finalize()
        file.seek(0)
        assert compiled(content) == file.read()


def test_a_file_that_cannot_be_compiled_leaves_the_map_unwritten(tmp_path):
    with (tmp_path / "cdb").open("w+b") as file:
        with pytest.raises(BadAssign):
            cdb.compile_assign(b"=a:u:1:2:/h:::\n", file)
        assert (tmp_path / "cdb").read_bytes() == b""


# The matching of qmail-users(5), by brute force over the records.


def _lookup_slowly(lines, local):
    exact = [line for line in lines if assign.line_key(line) == b"=" + local.lower()]
    if exact:
        return assign.pair(exact[0])[1]
    wildchars = assign.wildchars(lines)
    for length in range(len(local), -1, -1):
        prefix = local[:length].lower()
        found = [line for line in lines if assign.line_key(line) == b"+" + prefix]
        if found and (not prefix or prefix[-1:] in wildchars):
            return assign.pair(found[0])[1] + local[length:]
    return None


@given(valid_files, st.lists(names, min_size=1))
def test_a_name_is_looked_up_as_qmail_users_says(content, locals_):
    lines, _ = assign.cut(content)
    with asked(compiled(content)) as found:
        for local in locals_:
            assert found.lookup(local) == _lookup_slowly(lines, local)


@pytest.fixture
def seed():
    with asked((GOLDEN / "assign.cdb").read_bytes()) as found:
        yield found


def test_the_seeds_names_are_found(seed):
    data = b"popuser:110:31:/var/qmail/mailnames/pandle.net/biliards::".replace(b":", b"\0")
    assert seed.get(b"=100-biliards") == data
    assert seed.lookup(b"100-Biliards") == data
    assert seed.get(b"+100-biliards") is None
    assert seed.get(b"=100-nosuch") is None


def test_the_rest_of_a_name_keeps_its_case(seed):
    data = b"popuser:110:31:/var/qmail/mailnames/pandle.net:-:".replace(b":", b"\0")
    assert seed.get(b"+100-") == data
    assert seed.lookup(b"100-NoSuch") == data + b"NoSuch"


def test_names_of_other_domains_are_left_to_qmail_getpw(seed):
    for local in (b"1000-biliards", b"100", b"root", b""):
        assert seed.lookup(local) is None


def test_of_equal_names_the_first_counts():
    lines = b"=A:first:1:2:/h:::\n=a:second:1:2:/h:::\n.\n"
    with asked(compiled(lines)) as found:
        assert found.get(b"=a").startswith(b"first\0")


def test_an_exact_name_beats_a_wildcard_and_the_longest_wildcard_wins():
    lines = b"+a-:short:1:2:/h:-::\n+a-b-:long:1:2:/h:-::\n=a-b-c:exact:1:2:/h:::\n.\n"
    with asked(compiled(lines)) as found:
        users = [found.lookup(local).split(b"\0")[0] for local in (b"a-b-c", b"a-b-d", b"a-b")]
    assert users == [b"exact", b"long", b"short"]


@given(valid_files)
def test_a_lost_assign_can_be_made_again_from_its_map(content):
    with asked(compiled(content)) as found:
        pairs = [assign.pair(line) for line in found.lines()]
    assert pairs == [assign.pair(line) for line in assign.cut(content)[0]]


def test_a_map_without_the_record_of_wildcards_is_refused():
    with tempfile.TemporaryFile() as file:
        writer = cdblib.Writer(file)
        writer.put(b"!a\0", b"u\0001\0002\0/h\0\0")
        writer.finalize()
        with pytest.raises(BadMap):
            AssignMap(file).lookup(b"a")


def _damage(whole, chance):
    if chance.random() < 0.5:
        return whole[: chance.randrange(len(whole))]
    broken = bytearray(whole)
    for _ in range(chance.randrange(1, 30)):
        broken[chance.randrange(len(broken))] = chance.randrange(256)
    return bytes(broken)


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.binary(max_size=3000))
def test_a_damaged_map_is_an_os_error_or_an_answer(chance, noise):
    whole = (GOLDEN / "assign-foreign.cdb").read_bytes()
    for content in (noise, _damage(whole, chance)):
        for ask in (
            lambda found: found.get(b"=100-biliards"),
            lambda found: found.lookup(b"100-x"),
            lambda found: list(found.lines()),
        ):
            with suppress(OSError), asked(content) as found:
                ask(found)


some_keys = st.binary(max_size=3)


@given(st.lists(st.tuples(some_keys, st.binary(max_size=300)), max_size=300), st.sets(some_keys))
def test_few_keys_are_found_where_they_are_as_in_a_copy(pairs, others):
    with tempfile.TemporaryFile() as file:
        cdb.compile_records(pairs, file)
        few, copy = cdb.FewOf(file.fileno()), cdb.AnyMap(file)
        for key in others.union(key for key, _ in pairs):
            assert few.find(key) == copy.find(key)


def test_keys_of_one_hash_are_told_apart():
    pairs = [(b"!B", b"1"), (b'"!', b"2")]
    assert cdb._hash(b"!B") == cdb._hash(b'"!')
    with tempfile.TemporaryFile() as file:
        cdb.compile_records(pairs, file)
        few = cdb.FewOf(file.fileno())
        assert [few.find(key) for key, _ in pairs] == [data for _, data in pairs]


@settings(deadline=None)
@given(st.randoms(use_true_random=False), st.binary(max_size=3000))
def test_few_keys_of_a_damaged_map_are_an_os_error_or_an_answer(chance, noise):
    whole = (GOLDEN / "assign-foreign.cdb").read_bytes()
    keys = [b"", b"!100-", b"!100-biliards\0", b"!100-nosuch\0"]
    for content in (noise, _damage(whole, chance)):
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.flush()
            few = cdb.FewOf(file.fileno())
            for key in keys:
                with suppress(OSError):
                    few.find(key)


def test_no_room_is_made_for_what_a_damaged_map_does_not_have():
    with tempfile.TemporaryFile() as file:
        cdb.compile_records([(b"a", b"1")], file)
        os.pwrite(file.fileno(), b"\xff" * 4, 2048 + 4)
        with pytest.raises(OSError, match="damaged"):
            cdb.FewOf(file.fileno()).find(b"a")


def test_a_map_that_is_cut_under_whoever_asks_it_is_an_os_error():
    with tempfile.TemporaryFile() as file:
        cdb.compile_records([(b"a", b"1")], file)
        few = cdb.FewOf(file.fileno())
        os.truncate(file.fileno(), 0)
        with pytest.raises(OSError, match="cut"):
            few.find(b"a")


# The real qmail-newu has its home compiled in: it runs in a mount namespace of its own, where a
# copy stands in the place of /var/qmail, so that the machine's own is never touched.

LOOP = """
set -e
mount --make-rprivate /
mount --bind "$1/qmail" /var/qmail
mount -t tmpfs tmpfs /var/qmail/users
cd "$1"
for case in case-*; do
    cp "$case" /var/qmail/users/assign
    rm -f /var/qmail/users/cdb
    if /var/qmail/bin/qmail-newu 2>/dev/null; then
        mv /var/qmail/users/cdb "$1/cdb-${case#case-}"
    elif [ $? -ne 111 ]; then
        exit 1
    fi
done
"""


def _newu(directory, files):
    """What the real qmail-newu makes of each file; None where it refuses."""
    (directory / "qmail/bin").mkdir(parents=True)
    (directory / "qmail/users").mkdir()
    copy = directory / "qmail/bin/qmail-newu"
    copy.write_bytes(NEWU.read_bytes())
    copy.chmod(0o700)
    for number, content in enumerate(files):
        (directory / f"case-{number}").write_bytes(content)
    run = ["unshare", "-m", "sh", "-c", LOOP, "sh", str(directory)]
    subprocess.run(run, check=True)
    made = [directory / f"cdb-{number}" for number in range(len(files))]
    return [path.read_bytes() if path.exists() else None for path in made]


def _compiled_or_refused(content):
    try:
        return compiled(content)
    except BadAssign:
        return None


@pytest.mark.qmail
@pytest.mark.root
@pytest.mark.skipif(not os.access(NEWU, os.X_OK), reason="no qmail in /var/qmail, or not root")
@settings(max_examples=8, deadline=None)
@given(files=st.lists(valid_files | any_files, min_size=40, max_size=60))
def test_the_real_qmail_newu_makes_the_same_bytes_or_refuses_too(files):
    golden = [(GOLDEN / name).read_bytes() for name in ("assign", "assign-foreign")]
    with tempfile.TemporaryDirectory() as directory:
        made = _newu(Path(directory), [*golden, *files])
    assert made == [_compiled_or_refused(content) for content in [*golden, *files]]


@pytest.mark.qmail
@pytest.mark.root
@pytest.mark.skipif(not os.access(NEWU, os.X_OK), reason="no qmail in /var/qmail, or not root")
def test_the_real_qmail_newu_makes_the_same_bytes_of_a_large_file(tmp_path):
    chance = random.Random(1)
    lines = [b"=%d-u%d:popuser:110:31:/m/d/u:::\n" % (n % 70, n) for n in range(20_000)]
    chance.shuffle(lines)
    content = b"".join([*lines, *(b"+%d-:popuser:110:31:/m/d:-::\n" % n for n in range(70)), b"."])
    assert _newu(tmp_path, [content]) == [compiled(content)]


# a map that somebody cuts

CUT = """
import os, sys
from qmailpanel.qmail.formats.cdb import AnyMap, compile_records

with open(sys.argv[1], "w+b") as file:
    compile_records([(b"%d" % number, bytes(100)) for number in range(1000)], file)
    asked = AnyMap(file)
    records = asked.records()
    next(records)
    os.truncate(file.name, 0)
    print(len(list(records)), asked.find(b"999") == bytes(100))
"""


def test_a_map_that_is_cut_while_it_is_read_ends_no_process(tmp_path) -> None:
    """In a process of its own: what is mapped into memory and gone ends whoever looks at it."""
    argv = [sys.executable, "-c", CUT, str(tmp_path / "cdb")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "999 True\n")
