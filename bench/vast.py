"""``python -m bench.vast``: every page at a million mailboxes in 20,000 domains.

    python -m bench.vast --database postgres://panel@/panel
    python -m bench.vast --mailboxes 100000 --only activity

Prints what half and what 95 of 100 answers took within the process, and the queries of each; ends
with 1 where a page takes longer than it may. The rows are made in a minute.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from bench.environment import is_set, run_again

if TYPE_CHECKING:
    from bench.vast_pages import Answers

P95_MS = 50


def main() -> None:
    options = _parser().parse_args()
    if is_set():
        sys.exit(_measure(options))
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-vast-", dir=options.directory))
    try:
        sys.exit(run_again("bench.vast", Path(options.keep or place), options.database))
    finally:
        shutil.rmtree(place)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.vast", description="every page of a large host")
    parser.add_argument("--mailboxes", type=int, default=1_000_000)
    parser.add_argument("--domains", type=int, default=20_000)
    parser.add_argument("--wide", type=int, default=100_000, help="mailboxes of one of them")
    parser.add_argument("--changes", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=40, help="of each page")
    parser.add_argument("--only", default="", help="pages whose names have this in them")
    parser.add_argument("--database", default="", help="the URL of an empty one (SQLite)")
    parser.add_argument("--directory", help="where SQLite's is made (the temporary directory)")
    parser.add_argument("--keep", help="a directory for the scene, used again the next time")
    return parser


def _measure(options: argparse.Namespace) -> int:
    from bench import vast_pages  # noqa: PLC0415 - the settings are read from here on
    from bench.vast_scene import Size  # noqa: PLC0415 - as above

    start = time.perf_counter()
    vast_pages.set_up(Size(options.mailboxes, options.domains, options.wide, options.changes))
    print(f"set up in {time.perf_counter() - start:.0f} s", flush=True)
    pages = [page for page in vast_pages.all_pages() if options.only in page.name]
    if not pages:
        sys.exit(f"No page has {options.only!r} in its name.")
    reached = [_show(page.name, vast_pages.ask(page, options.requests)) for page in pages]
    print(f"{len(pages)} pages, {reached.count(False)} over {P95_MS} ms")
    return 0 if all(reached) else 1


def _show(name: str, answers: Answers) -> bool:
    half, p95 = median(answers.seconds) * 1000, quantiles(answers.seconds, n=20)[-1] * 1000
    is_reached = p95 <= P95_MS
    verdict = "ok" if is_reached else "OVER"
    print(f"{name:55} {half:6.1f} {p95:6.1f} ms {answers.queries:3} queries  {verdict}", flush=True)
    return is_reached


if __name__ == "__main__":
    main()
