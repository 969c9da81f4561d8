"""A few seconds of the comparison, for tuning: prints a table and records nothing."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.serving.alternation import alternate, medians, of_server
from benchmarks.serving.line_up import Stage, running
from benchmarks.serving.paired import paired_ratio

_COLUMNS = ("requests_per_second", "p50_ms", "p99_ms", "cpu_ms_per_request", "refused", "broken")


def rehearse(
    stage: Stage, names: Sequence[str], connections: int, seconds: float, alternations: int
) -> None:
    """Measure the servers `names` in turn; ratios are those of the first to each other one."""
    starts = [stage.start(name) for name in names]
    bodies = {start.name: stage.bodies(start.name, start.dialect) for start in starts}
    with running(starts) as servers:
        turns = alternate(servers, bodies, connections, seconds, alternations)
    print(f"{connections} connections, {alternations} x {seconds:g} s")
    print(f"{'':14}" + "".join(f"{name:>21}" for name in _COLUMNS) + f"{names[0]:>14} / it")
    first = [turn.load.rate for turn in of_server(turns, names[0])]
    for name, found in medians(turns).items():
        rates = [turn.load.rate for turn in of_server(turns, name)]
        ratio = paired_ratio(first, rates)["value"] if all(rates) else float("nan")
        cells = "".join(f"{found[column]:21.1f}" for column in _COLUMNS)
        print(f"{name:14}{cells}{ratio:14.2f}", flush=True)
