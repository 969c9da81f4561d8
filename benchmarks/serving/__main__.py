"""How fast does a served model answer, beside LitServe and MLServer with the same weights?

    python -m benchmarks.serving --data FOLDER --environments FOLDER [--work FOLDER]

FOLDER of `--data` holds SIB-200, one folder per language; that of `--environments` a virtual
environment for each peer, made where it is missing. Needs `wrk`. `--work` keeps the served model
and the services' data for the next run; name another folder after a change to how models are
compiled. The plan of the time, in minutes on two cores, 40 in all and 35 where `--work` has the
model already:

    making the model (two transfers, four compilations)      5
    6 settings of the peers at 1, 16 and 64 connections      2
    5 servers x 3 numbers of connections x 5 x 20 s         29  (with warm-up and settling)
    the bare engine, 5 x 20 s and its trials                 2
    equal answers, swaps, overload (2 x 2 x 10 s)            2

`--quick` measures some servers for a few seconds and prints a table; `--rehearse` does everything
for a few seconds each and prints the section; both record nothing.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.record import record
from benchmarks.sections.serving import write
from benchmarks.serving.comparison import Lengths, compare
from benchmarks.serving.line_up import SERVERS, Stage, set_stage
from benchmarks.serving.peers.environments import environment_of, versions_in
from benchmarks.serving.rehearsal import rehearse

_CONDITIONS = ("date", "cores", "device", "python", "torch")
_SHORT = Lengths(seconds=3, alternations=1, trial=1, swap=5, overload=4)


def main() -> None:
    """Run it and write `results/serving.json`."""
    options, began = _options(), time.monotonic()
    # So that SIGTERM, too, ends with every server stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with ExitStack() as opened:
        folder = options.work or Path(opened.enter_context(tempfile.TemporaryDirectory()))
        stage = set_stage(options.data, options.environments.resolve(), folder.resolve())
        if options.quick:
            plan = (options.connections, options.seconds, options.alternations)
            rehearse(stage, options.servers, *plan)
            return
        lengths = _SHORT if options.rehearse else Lengths()
        body = _measured(stage, lengths) | {"seconds": round(time.monotonic() - began)}
    if options.rehearse:
        print(write(body | {"conditions": dict.fromkeys(_CONDITIONS, "-")}))
    else:
        record("serving", body)


def _measured(stage: Stage, lengths: Lengths) -> dict[str, Any]:
    versions: dict[str, str] = {}
    for peer in ("litserve", "mlserver"):
        versions |= versions_in(environment_of(peer, stage.environments), peer)
    return compare(stage, lengths) | {"versions": versions, "lengths": asdict(lengths)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="SIB-200, a folder per language")
    parser.add_argument("--environments", type=Path, required=True, help="of the peers")
    parser.add_argument("--work", type=Path, help="keeps the served model for the next run")
    parser.add_argument("--rehearse", action="store_true", help="everything, for a few seconds")
    parser.add_argument("--quick", action="store_true", help="some servers, for a few seconds")
    parser.add_argument("--servers", type=_names, default=list(SERVERS), help=", ".join(SERVERS))
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--alternations", type=int, default=2)
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in SERVERS:
            raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(SERVERS)}")
    return names


if __name__ == "__main__":
    main()
