"""The state directory: one group for web and sync, and nobody else's business."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import dbapi2
from tempfile import TemporaryDirectory
from threading import Barrier, Thread

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from qmailpanel.environment.reading import read_settings
from qmailpanel.qmail.plan.questions import LEDGER_MARK
from qmailpanel.sqlite3.base import DatabaseWrapper
from qmailpanel.state_dir import (
    make_database_file,
    make_secret_key,
    prepare_state,
    prepare_state_dir,
    read_secret_key,
    refuse_outsiders,
    take_over,
)

OWNER, GROUP, OUTSIDER = 4242, 4243, 65534


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def bare_umask():
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_directory_database_and_key_are_for_the_group_whatever_the_umask(tmp_path, bare_umask):
    state = tmp_path / "deep" / "state"
    prepare_state_dir(state)
    make_database_file(state / "db.sqlite3")
    make_secret_key(state / "secret-key")
    assert mode_of(state) == 0o3770
    assert mode_of(state / "db.sqlite3") == 0o660
    assert mode_of(state / "secret-key") == 0o640
    assert {path.name for path in state.iterdir()} == {"db.sqlite3", "secret-key"}


def made_key(file):
    make_secret_key(file)
    return read_secret_key(file)


def test_the_secret_key_is_made_once(tmp_path):
    file = tmp_path / "secret-key"
    assert made_key(file) == made_key(file)
    assert len(made_key(file)) >= 50


def test_reading_a_key_that_was_never_made_makes_none(tmp_path):
    file = tmp_path / "secret-key"
    assert len(read_secret_key(file)) >= 50
    assert read_secret_key(file) != read_secret_key(file)
    assert not file.exists()


@pytest.mark.parametrize("attempt", range(20))
def test_processes_that_start_at_once_share_one_key(tmp_path, attempt):
    start, keys = Barrier(4), []

    def read():
        start.wait()
        keys.append(made_key(tmp_path / "secret-key"))

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [(tmp_path / "secret-key").read_text()] * 4


def test_a_database_that_is_there_is_left_alone(tmp_path):
    file = tmp_path / "db.sqlite3"
    file.write_bytes(b"rows")
    make_database_file(file)
    assert file.read_bytes() == b"rows"


@pytest.fixture
def known_host(tmp_path):
    """The settings of a panel whose mail host was made from a database."""
    home, state = tmp_path / "qmail", tmp_path / "state"
    (home / "users").mkdir(parents=True)
    (home / LEDGER_MARK).touch()
    return read_settings({"QMAILPANEL_STATE_DIR": str(state), "QMAILPANEL_QMAIL_HOME": str(home)})


@pytest.mark.parametrize("is_there", [False, True])
def test_a_lost_state_is_not_made_anew_without_a_word(known_host, is_there):
    state = known_host["QMAILPANEL_STATE_DIR"]
    if is_there:
        prepare_state_dir(state)
    with pytest.raises(ImproperlyConfigured, match="put it back from a backup"):
        prepare_state(known_host)
    assert [*state.parent.glob("state/*")] == []


def test_keys_that_are_new_beside_an_older_database_are_told_of(known_host, capsys):
    state = known_host["QMAILPANEL_STATE_DIR"]
    prepare_state_dir(state)
    (state / "db.sqlite3").write_bytes(b"rows")
    prepare_state(known_host)
    [first, second] = capsys.readouterr().err.splitlines()
    assert f"A new {state}/secret-key was made" in first
    assert f"A new {state}/factor-key was made" in second
    prepare_state(known_host)
    assert capsys.readouterr().err == ""


def test_a_directory_that_cannot_be_made_is_said_in_a_sentence():
    with pytest.raises(ImproperlyConfigured, match="QMAILPANEL_STATE_DIR"):
        prepare_state_dir(Path("/proc/state"))


@contextmanager
def acting_as(uid, gid):
    """This very process, for a moment, as somebody else."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def their_state():
    with TemporaryDirectory() as above:  # tmp_path lies where only its owner may look
        Path(above).chmod(0o755)
        state = Path(above) / "state"
        state.mkdir()
        os.chown(state, OWNER, GROUP)
        yield state


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("uid", "gid", "mode"), [(OUTSIDER, OUTSIDER, 0o2770), (OUTSIDER, GROUP, 0o2700)]
)
def test_an_outsider_is_stopped_with_a_sentence(their_state, uid, gid, mode):
    their_state.chmod(mode)
    for step in (prepare_state_dir, refuse_outsiders):
        with acting_as(uid, gid), pytest.raises(ImproperlyConfigured) as stopped:
            step(their_state)
        assert "belongs to another user (uid 4242)" in str(stopped.value)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_takes_over_a_file_of_others_and_nothing_else(tmp_path):
    file, other, link = (tmp_path / name for name in ("file", "other", "link"))
    file.touch()
    other.touch()
    (tmp_path / "second-name").hardlink_to(other)
    link.symlink_to("nowhere")
    for path in (file, other, link):
        os.chown(path, OUTSIDER, GROUP, follow_symlinks=False)
        take_over(path)
    take_over(tmp_path / "missing")
    owners = [(path.lstat().st_uid, path.lstat().st_gid) for path in (file, other, link)]
    assert owners == [(0, GROUP), (OUTSIDER, GROUP), (OUTSIDER, GROUP)]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_takes_over_the_log_of_a_database_before_it_opens_that(tmp_path, monkeypatch):
    owners, open_database = [], dbapi2.connect

    def connect(database, **options):
        owners.append(Path(f"{database}-wal").stat().st_uid)
        return open_database(":memory:", **options)

    monkeypatch.setattr(dbapi2, "connect", connect)
    (tmp_path / "db-wal").touch()
    os.chown(tmp_path / "db-wal", OUTSIDER, GROUP)
    named = {**connections["default"].settings_dict, "NAME": str(tmp_path / "db")}
    wrapper = DatabaseWrapper(named, "other")
    wrapper.get_new_connection(wrapper.get_connection_params()).close()
    assert owners == [0]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("uid", "gid"), [(0, 0), (OWNER, OUTSIDER), (OUTSIDER, GROUP)])
def test_owner_group_and_root_go_on(their_state, uid, gid):
    their_state.chmod(0o2770)
    with acting_as(uid, gid):
        prepare_state_dir(their_state)
