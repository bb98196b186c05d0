"""``make bench``: sets the scene, measures, and prints tables. See README.md beside this.

python -m bench --mailboxes 10000 --samples 5     # a try
python -m bench --hosts one                       # one domain alone
python -m bench --hosts million                   # what is left out else
python -m bench --database postgres://panel@/panel --hosts many
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace

from bench.apart import ROWS, Disk, run_apart
from bench.growth import exponents, print_growth, print_shapes
from bench.table import Row, print_rows, write_latest

HOSTS = {
    "many": "domains of a hundred",
    "one": "one domain",
    "million": "20,000 domains of fifty",
}


def main() -> None:
    options = _parser().parse_args()
    if ROWS in os.environ:
        from bench.run import run  # noqa: PLC0415 - the settings are read from here on

        run(options.hosts, options.mailboxes, options.samples, options.patience)
        return
    try:
        rows = _measure(options)
    except KeyboardInterrupt:
        sys.exit(130)
    print_rows(rows)
    for where in HOSTS.values():
        print_growth(rows, where)
    print_shapes(rows, HOSTS["many"], HOSTS["one"])
    write_latest(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description="measure the panel")
    parser.add_argument("--hosts", default="many,one", help=f"some of {', '.join(HOSTS)}")
    parser.add_argument("--mailboxes", type=int, default=100_000, help="of the largest host")
    parser.add_argument("--samples", type=int, default=9)
    parser.add_argument("--patience", type=float, default=60, help="seconds for those of one size")
    parser.add_argument("--embedded", action="store_true", help="without the host's qmail-newu")
    parser.add_argument("--database", default="", help="the URL of an empty one (SQLite)")
    parser.add_argument("--directory", help="where the scene is set (the temporary directory)")
    return parser


def _measure(options: argparse.Namespace) -> list[Row]:
    """Each host in a process and a scene of its own."""
    rows = list[Row]()
    for host in options.hosts.split(","):
        command = [sys.executable, "-m", "bench", *sys.argv[1:], "--hosts", host]
        found = run_apart(
            command,
            options.directory,
            _disk_for(host, options.mailboxes),
            database=options.database,
            qmail=not options.embedded,
        )
        those = [replace(Row(**json.loads(line)), where=HOSTS[host]) for line in found.splitlines()]
        rows += [*those, *exponents(those)]
    return rows


def _disk_for(host: str, mailboxes: int) -> Disk:
    """A million homes fit where small files and directories lie in their inodes."""
    if host == "million":
        return Disk(48 << 30, 10_000_000, ["-O", "inline_data"])
    return Disk(16 << 30, max(2_000_000, 20 * mailboxes))


main()
