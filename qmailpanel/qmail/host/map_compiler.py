"""The maps of the shared files, made by qmail's own programs or, where there are none, here."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from pathlib import Path

from qmailpanel.qmail.formats.maps import MAPS
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.qmail.host.errors import HostError
from qmailpanel.qmail.host.files import Rights, created, entered, inode, read_file

COMPILER_SECONDS = 300
_STAYS = "the one before stays in use. It is tried again."
NOT_COMPILED = {
    Shared.ASSIGN: f"The mail server's address map could not be rebuilt; {_STAYS}",
    Shared.MORE: f"The mail server's list of domains could not be rebuilt; {_STAYS}",
    Shared.VALID: f"The mail server's list of recipients could not be rebuilt; {_STAYS}",
    Shared.MORE_VALID: f"The mail server's list of recipients could not be rebuilt; {_STAYS}",
    Shared.RECIPIENTS: f"The mail server's list of recipients could not be rebuilt; {_STAYS}",
}


def is_home_compiled_in(program: Path, home: str) -> bool:
    """Whether a program of qmail works on this very home: theirs is compiled in."""
    try:
        path = rb"(?<![\w./-])%s\0" % re.escape(home.encode())
        return re.search(path, program.read_bytes()) is not None
    except OSError:
        return False


def compile_map(home: str, shared: Shared) -> None:
    """Make the map of a shared file. Raises HostError."""
    its = MAPS[shared]
    path = f"{home}/{its.path}"
    program = Path(home, "bin", its.program)
    try:
        before = inode(path)
        with contextlib.suppress(OSError):  # whatever is in the way, who needs the place will say
            os.unlink(_temporary(path))  # a left-over takes the room the new one needs
        if its.program and is_home_compiled_in(program, home):
            _run_compiler(program)
        else:
            _write_map(home, shared, path)
        with entered(os.path.dirname(path), follow=True) as directory:
            os.fsync(directory)  # qmail's programs leave that out
        if inode(path) == before:
            raise OSError(f"{its.program} ended well, but {its.path} is still the old one")
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise HostError(NOT_COMPILED[shared], f"{its.path}: {error}") from error


def _temporary(path: str) -> str:
    """What qmail's programs call it too: `users/cdb.tmp`, `control/morercpthosts.tmp`."""
    return f"{path.removesuffix('.cdb')}.tmp"


def _run_compiler(program: Path) -> None:
    """It has no protection against a second one; our lock is it, and it has that open."""
    done = subprocess.run(
        [program],
        capture_output=True,
        timeout=COMPILER_SECONDS,
        cwd="/",
        env={},
        close_fds=False,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").strip()
        raise OSError(f"{program.name}: {said or f'exit {done.returncode}'}")


def _write_map(home: str, shared: Shared, path: str) -> None:
    """The same bytes as the program's, where there is none."""
    content = read_file(f"{home}/{shared}").content
    temporary = _temporary(path)
    with created(temporary) as fd, open(fd, "w+b", closefd=False) as file:
        MAPS[shared].compile(content, file)
        Rights(0o644).give(fd)
    os.rename(temporary, path)
