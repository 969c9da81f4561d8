"""How fast does a served model answer, beside LitServe and MLServer with the same weights?

python -m benchmarks.serving --data FOLDER --environments FOLDER --quick --servers ours,litserve
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.serving.line_up import SERVERS, set_stage
from benchmarks.serving.rehearsal import rehearse


def main() -> None:
    """Run it and write `results/serving.json`."""
    options = _options()
    with ExitStack() as opened:
        folder = options.work or Path(opened.enter_context(tempfile.TemporaryDirectory()))
        stage = set_stage(options.data, options.environments.resolve(), folder.resolve())
        if options.quick:
            rehearse(
                stage, options.servers, options.connections, options.seconds, options.alternations
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="SIB-200, a folder per language")
    parser.add_argument("--environments", type=Path, required=True, help="of the peers")
    parser.add_argument("--work", type=Path, help="keeps the served model for the next run")
    parser.add_argument("--quick", action="store_true", help="rehearse, and record nothing")
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
