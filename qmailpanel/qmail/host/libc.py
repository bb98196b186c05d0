"""Two system calls that Python's os module lacks. See rename(2) and syncfs(2)."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_NOREPLACE, _EXCHANGE = 1, 2


def _renameat2(src_fd: int, src: str, dst_fd: int, dst: str, flags: int) -> None:
    if _libc.renameat2(src_fd, os.fsencode(src), dst_fd, os.fsencode(dst), flags):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), src, None, dst)


def exchange(directory: int, one: str, other: str) -> None:
    """Swap two names in a directory, in one step."""
    _renameat2(directory, one, directory, other, _EXCHANGE)


def rename_new(src_fd: int, src: str, dst_fd: int, dst: str) -> None:
    """Rename; FileExistsError where `dst` exists."""
    _renameat2(src_fd, src, dst_fd, dst, _NOREPLACE)


def syncfs(fd: int) -> None:
    """Write the file system of `fd` to disk."""
    if _libc.syncfs(fd):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
