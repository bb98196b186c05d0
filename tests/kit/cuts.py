"""A process that ends at a system call, for tests that try each of them."""

from __future__ import annotations

import os
from typing import Any

from qmailpanel.qmail.host import libc


class Cut(BaseException):
    """The process ends here."""


def count_down(patched: Any, cut_at: int) -> list[int]:
    """From the call with that number on none is made. Returns how many were tried, as it grows."""
    calls = [0]

    def guard(call: Any) -> Any:
        def guarded(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] > cut_at:
                raise Cut
            return call(*arguments, **options)

        return guarded

    for name in ("symlink", "unlink", "rename", "rmdir", "mkdir", "fsync", "link"):
        patched.setattr(os, name, guard(getattr(os, name)))
    for name in ("exchange", "rename_new", "syncfs"):
        patched.setattr(libc, name, guard(getattr(libc, name)))
    return calls
