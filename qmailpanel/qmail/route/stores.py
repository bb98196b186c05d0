"""Whether mail can be stored at a path now. See maildir(5) and mbox(5)."""

from __future__ import annotations

import errno
import os

from qmailpanel.qmail.formats import maildir

from .ends import readable, say_error
from .reader import Account, Found, Reader, Unsure


def store(reader: Reader, account: Account, name: bytes, *, is_maildir: bool) -> str:
    """Why mail for it waits; empty where it does not. `name`: from the home on. Raises Unsure."""
    path = os.path.join(account.home, name)
    if is_maildir:
        return _into_maildir(reader, account, path)
    error = _why_no_mbox(reader, account, path)
    return f"Unable to open {readable(name)}: {say_error(error)}. (#4.2.1)" if error else ""


def seen(found: Found) -> Found:
    """Raises Unsure."""
    if found.is_hidden:
        raise Unsure
    return found


def _into_maildir(reader: Reader, account: Account, path: bytes) -> str:
    here = seen(reader.look(path, account))
    if not (here.is_directory and here.may_enter):
        return "Unable to chdir to maildir. (#4.2.1)"
    for name in (b"tmp", b"new"):
        inside = seen(reader.look(os.path.join(path, name), account))
        if not (inside.is_directory and inside.may_write and inside.may_enter):
            return "Temporary error on maildir delivery. (#4.3.0)"
    return ""


def _why_no_mbox(reader: Reader, account: Account, path: bytes) -> int:
    """An errno; 0 where it is there, or can be made. A device takes no mail: see fsync(2)."""
    file = seen(reader.look(path, account))
    if file.error == errno.ENOENT and not file.is_linked:
        above = seen(reader.look(os.path.dirname(path.rstrip(b"/")) or b"/", account))
        can_be_made = above.is_directory and above.may_write and above.may_enter
        return 0 if can_be_made else above.error or errno.EACCES
    if file.error or file.is_directory:
        return file.error or errno.EISDIR
    if not file.is_plain:
        return errno.EINVAL
    return 0 if file.may_write else errno.EACCES


def is_full(reader: Reader, account: Account, path: bytes) -> bool:
    """Whether deliverquota refuses even the smallest message. See maildirquota(7)."""
    file = reader.look(os.path.join(path, maildir.SIZE.encode()), account, read=True)
    try:
        size = maildir.parse(file.content or b"")
    except maildir.BadMaildirSize:
        return False
    pairs = zip(size.used, size.limits, strict=True)
    return any(0 < limit <= used for used, limit in pairs)
