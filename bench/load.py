"""``python -m bench.load``: the panel as it is deployed, with everybody at the door at once.

    python -m bench.load --seconds 300 --database postgres://panel@/panel
    python -m bench.load --people 1 --guessers 20 --exports off

People click, guessers guess, a client sends six bytes of a form, and the ledger is exported fast
and slowly. Prints what each of them saw, and ends with 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from threading import Event

from bench.environment import is_set, run_again

P95_MS, MEGABYTES, GROWTH_MB = 300, 250, 25
PAGES = ("sign in", "list", "search", "pulse", "add")


def main() -> None:
    options = _parser().parse_args()
    if is_set():
        sys.exit(_measure(options))
    place = Path(tempfile.mkdtemp(prefix="qmailpanel-load-"))
    try:
        trust = {"QMAILPANEL_TRUSTED_PROXIES": "1"}
        sys.exit(run_again("bench.load", place, options.database, **trust))
    finally:
        shutil.rmtree(place)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.load", description="everybody at the door")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--guessers", type=int, default=5)
    parser.add_argument("--six-bytes", type=int, default=1, help="clients that send six bytes")
    parser.add_argument("--exports", choices=["on", "off"], default="on")
    parser.add_argument("--changes", type=int, default=300_000)
    parser.add_argument("--database", default="", help="the URL of an empty one (SQLite)")
    return parser


def _measure(options: argparse.Namespace) -> int:
    from bench import crowd  # noqa: PLC0415 - the settings are read from here on
    from bench.load_scene import Scene, log_of, serving  # noqa: PLC0415 - as above
    from bench.processes import processor_seconds, resident  # noqa: PLC0415 - as above

    scene = Scene(options.people, options.changes)
    seen, is_over, sizes = crowd.Seen(), Event(), list[float]()
    with serving(scene) as (place, web):
        people = [crowd.Person(place, seen, *each).work for each in scene.people]
        works = [*people, *[partial(crowd.guess, place, seen)] * options.guessers]
        works += [partial(crowd.send_six_bytes, place)] * options.six_bytes
        if options.exports == "on":
            works += [
                partial(crowd.export, place, seen, session, pause)
                for session, pause in zip(scene.sessions, (0.0, 0.5), strict=True)
            ]
        threads = [crowd.begin(work, is_over) for work in works]
        for _ in range(20):
            is_over.wait(options.seconds / 20)
            sizes.append(resident(web))
        used = processor_seconds(web) / options.seconds
        is_over.set()
        for thread in threads:
            thread.join(crowd.PATIENCE)
    print(f"web used {used:.0%} of a processor")
    return _report(seen, sizes, log_of(scene))


def _report(seen: object, sizes: list[float], log: str) -> int:
    from bench.crowd import Seen  # noqa: PLC0415 - as above

    assert isinstance(seen, Seen)
    for name, seconds in sorted(seen.seconds.items()):
        print(f"{name:12} {len(seconds):6} times, {_in_words(seconds)}")
    pages = [each for name in PAGES for each in seen.seconds[name]]
    p95 = _p95(pages) * 1000
    growth = median(sizes[-5:]) - median(sizes[5:10])
    bad = [line for line in log.splitlines() if "locked" in line or "Traceback" in line]
    print(f"all pages    {len(pages):6} times, {_in_words(pages)}")
    print(f"memory       {max(sizes):.0f} MB at most, {growth:+.0f} MB from the first half on")
    for line in [*seen.wrong[:5], *bad[:5]]:
        print(f"wrong: {line}")
    print(f"{len(seen.wrong)} wrong answers, {len(bad)} lines in the log")
    is_reached = p95 <= P95_MS and max(sizes) <= MEGABYTES and growth <= GROWTH_MB
    return 0 if is_reached and not seen.wrong and not bad else 1


def _in_words(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    shown = {"median": median(seconds), "p95": _p95(seconds), "most": max(seconds)}
    return ", ".join(f"{name} {each * 1000:.0f} ms" for name, each in shown.items())


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20)[-1] if len(seconds) > 1 else max(seconds, default=0.0)


if __name__ == "__main__":
    main()
