"""Does every transfer survive when everything that carries it out is killed?

    python -m benchmarks.storm [--transfers 200] [--idle 50] [--database sqlite] [--minutes 30]

On SQLite and on PostgreSQL: an API and two workers, real processes, carry out small transfers of
images and texts, sent by four clients that lose connections and repeat their requests. Every few
seconds SIGKILL hits the API, a worker or a transfer's process at random, and a supervisor starts
again what died. Once PostgreSQL is crashed and started; SQLite has no server, so that there all
processes are killed at once. Before, in the calm, each distinct transfer runs once, and the wait
for an idle worker is measured. Ends with 1 and the failed checks where not all is as it should be.
`--minutes` bounds each storm; with `--keep-results` nothing is written.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from benchmarks.record import record
from benchmarks.storm.chapter import chapter
from benchmarks.storm.databases import DATABASES
from benchmarks.storm.place import SETTINGS

_SHOWN = 10


def main() -> None:
    """Run it and write `results/storm.json`."""
    options = _options()
    # So that SIGTERM, too, ends with the service stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    os.environ["OMP_NUM_THREADS"] = "1"  # of the tests' builders, as of the service
    began, chapters = time.monotonic(), {}
    for kind in options.database or DATABASES:
        print(f"{kind}: {options.transfers} transfers", flush=True)
        bound = options.minutes * 60
        chapters[kind] = chapter(kind, options.transfers, options.idle, options.seed, bound)
        told = {name: value for name, value in chapters[kind].items() if name != "wrong"}
        print(f"  {told}", flush=True)
        for check, found in chapters[kind]["wrong"].items():
            print(f"  {'WRONG' if found else 'ok'}: {check} {found[:_SHOWN] or ''}", flush=True)
    if not options.keep_results:
        body = {
            "seconds": round(time.monotonic() - began),
            "seed": options.seed,
            "settings": SETTINGS,
            "databases": chapters,
        }
        record("storm", body)
    sys.exit(any(found for one in chapters.values() for found in one["wrong"].values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transfers", type=int, default=200)
    parser.add_argument("--idle", type=int, default=50)
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep-results", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
