"""The round that ends what refuses mail for a while: see domains/names/leaving.py."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from django.utils import timezone

from qmailpanel.domains.names.leaving import Clock, end_due
from qmailpanel.qmail.formats.shared_files import Shared
from qmailpanel.sync.clock import note_clock
from qmailpanel.sync.reconcile import Reconciler

LEAVING_SECONDS = 60.0


def end_leaving(reconciler: Reconciler) -> None:
    """As changes of the system, when the host was read and its clock noted."""
    now, files = timezone.now(), reconciler.notes.files
    steady_since = note_clock(now)
    if steady_since is None or not files:
        return
    lifetime = timedelta(seconds=reconciler.host.read_queue_lifetime())
    wildcards = [key[1:] for key in files[Shared.ASSIGN].foreign.keys if key.startswith(b"+")]
    end_due(Clock(now, steady_since), lifetime, partial(_is_caught, wildcards))


def _is_caught(wildcards: list[bytes], prepend: int) -> bool:
    """Whether somebody else's wildcard is a beginning of `100-`. See qmail-users(5)."""
    return any(f"{prepend}-".encode().startswith(wildcard) for wildcard in wildcards)
