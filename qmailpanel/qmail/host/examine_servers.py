"""What the doctor sees of the programs around qmail: qmail-send, tcpserver and sendmail."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from getopt import GetoptError, getopt
from itertools import islice
from pathlib import Path

from qmailpanel.qmail.doctor.examined import Server
from qmailpanel.qmail.doctor.machine import TRIGGER
from qmailpanel.qmail.formats.cdb import AnyMap
from qmailpanel.qmail.host.examine_machine import find_services
from qmailpanel.qmail.host.files import open_at, opened
from qmailpanel.qmail.host.map_compiler import is_home_compiled_in
from qmailpanel.qmail.host.processes import PROC

SENDMAILS = ("/usr/sbin/sendmail", "/usr/lib/sendmail")
LARGEST_RULES = 4 << 20  # bytes
RULES = 1 << 17  # more than fit into these, unless most are empty

_SERVERS = (b"tcpserver", b"sslserver")
_OPTIONS = "dDvqQhHrR1UXx:t:u:g:l:b:B:c:pPoO46i:I:f:S:nNeEw:"  # see tcpserver(1)
_RELAY = b"RELAYCLIENT="


def is_sending(home: str) -> bool | None:
    """Whether a qmail-send waits at its trigger, wherever it runs. None: not to be seen."""
    if not os.path.exists(f"{home}/bin/qmail-send"):
        return None
    try:
        os.close(open_at(f"{home}/{TRIGGER}", os.O_WRONLY))
    except OSError as error:
        return False if error.errno == errno.ENXIO else None
    return True


def read_servers(home: str, proc: Path = PROC) -> Iterator[Server]:
    """The tcpservers that run the qmail-smtpd of this home."""
    for process in find_services(_SERVERS, proc):
        with contextlib.suppress(OSError, GetoptError):  # ended meanwhile, or not to be read
            words = (process / "cmdline").read_text(errors="surrogateescape").split("\0")
            options, command = getopt(words[1:-1], _OPTIONS)
            if {f"{home}/bin/qmail-smtpd", "qmail-smtpd"} & set(command):
                yield _read_server(process, dict(options).get("-x", ""), command)


def _read_server(process: Path, rules: str, command: Sequence[str]) -> Server:
    return Server(
        pid=int(process.name),
        rules=os.path.join(_read_directory(process), rules) if rules else "",
        relays=tuple(_read_relays(process, rules)) if rules else (),
        is_relay=_has_relay(process),
        is_recorded=any(os.path.basename(word) == "recordio" for word in command),
    )


def _read_directory(process: Path) -> str:
    try:
        return os.readlink(process / "cwd")
    except OSError:
        return "/"


def _read_relays(process: Path, rules: str) -> Iterator[bytes]:
    """The clients for whom the rules set it; none of rules larger than any. See tcprules(1)."""
    path = os.path.join(_read_directory(process), rules)
    with contextlib.suppress(OSError, ValueError), opened(path, follow=True) as (fd, status):
        records = AnyMap(fd).records() if status.st_size <= LARGEST_RULES else iter(())
        for client, data in islice(records, RULES):
            if any(one.startswith(b"+" + _RELAY) for one in data.split(b"\0")):
                yield client


def _has_relay(process: Path) -> bool:
    with contextlib.suppress(OSError):
        variables = (process / "environ").read_bytes().split(b"\0")
        return any(one.startswith(_RELAY) for one in variables)
    return False


def find_foreign_sendmails(
    home: str, paths: Iterable[str] = SENDMAILS
) -> Iterator[tuple[str, str]]:
    """What is called sendmail, and what it is, where it is not that of this qmail."""
    programs = {os.path.realpath(path): path for path in reversed(tuple(paths))}
    if os.path.exists(f"{home}/bin/sendmail"):
        programs.pop(os.path.realpath(f"{home}/bin/sendmail"), None)
        for program, path in programs.items():
            if os.access(program, os.R_OK) and not is_home_compiled_in(Path(program), home):
                yield path, program
