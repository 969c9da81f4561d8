"""Lists of many transfers, on both databases."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import conditions, table

_TIMES = ("before", "after")


def write(data: dict[str, Any]) -> str:
    """The section."""
    rows = [
        [
            name,
            *(
                _cell(data[kind][when][name])
                for kind in ("sqlite", "postgresql")
                for when in _TIMES
            ),
        ]
        for name in data["sqlite"]["after"]
    ]
    heading = ["asked", "SQLite before", "SQLite after", "PostgreSQL before", "PostgreSQL after"]
    return f"""## Lists of {data["transfers"]:,} transfers

`python -m benchmarks.listing --postgres URL`. {conditions(data)}

A database of {data["transfers"]:,} transfers, 10,000 of them waiting, the others with a result of
about 11 kB and ten events; pages of 50. Milliseconds, the median and the 95th percentile: of
requests, as a client on the same machine sees them; of a claim and of a worker's question whether
anything waits, in the database. Before and after the indices of migration 0005, with the same
queries. The highest load averages of the machine were {_load(data, "sqlite")} and
{_load(data, "postgresql")}.

{table(heading, rows)}"""


def _load(data: dict[str, Any], kind: str) -> float:
    load: float = data[kind]["load"]["highest"]
    return load


def _cell(times: dict[str, float]) -> str:
    return f"{times['median']} ({times['p95']})"
