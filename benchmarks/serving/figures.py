"""What was asked of serving, beside what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.serving.ours import DEFAULT, FLOAT32, TORCH

# How many times the requests per second of each peer: with the same torch, and by default without
# and with reduced precision.
_ASKED_RATIOS = {
    TORCH: {"litserve": 1.2, "mlserver": 1.2},
    FLOAT32: {"litserve": 2.5, "mlserver": 2.0},
    DEFAULT: {"litserve": 3.5, "mlserver": 2.5},
}
_REDUCED = ("int8", "bfloat16", "float16")


@dataclass(frozen=True)
class Figure:
    """One asked figure; `met` is None where it was asked on a condition that did not hold."""

    key: str
    what: str
    asked: str
    measured: str
    met: bool | None


def figures(data: dict[str, Any]) -> list[Figure]:
    """All asked figures, from the content of `results/serving.json`."""
    return [*_ratios(data), *_alone(data), *_answers(data), *_overload(data)]


def _ratios(data: dict[str, Any]) -> Iterator[Figure]:
    reduced = data["served"].get("precision") in _REDUCED
    for ours, asked in _ASKED_RATIOS.items():
        for peer, times in asked.items():
            for level, found in data["levels"].items():
                ratio = found["ratios"][f"{ours}/{peer}"]
                yield Figure(
                    f"{ours}/{peer}@{level}",
                    f"{ours} by {peer}, {level} connections",
                    f"at least {times:g}",
                    f"{ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]",
                    ratio["value"] >= times if reduced or ours != DEFAULT else None,
                )


def _alone(data: dict[str, Any]) -> Iterator[Figure]:
    for level, found in data["levels"].items():
        if "bare" in found:
            ratio = found["bare"]["ours_by_bare"]
            measured = f"{ratio['value']:.2f} [{ratio['low']:.2f}, {ratio['high']:.2f}]"
            what = f"ours by the bare engine, {level} connections"
            yield Figure("bare", what, "at least 0.85", measured, ratio["value"] >= 0.85)
    if "16" in data["levels"]:
        spread = data["levels"]["16"]["servers"][DEFAULT]["p99_by_p50"]
        what = "p99 by p50, 16 connections"
        yield Figure("p99", what, "at most 3", f"{spread:.2f}", spread <= 3)
    swap = data["swap"]
    measured = f"{swap['failed']} of {swap['requests']:,} in {swap['swaps']} swaps"
    met = swap["failed"] == 0 and swap["swaps"] > 0
    yield Figure("swap", "requests failed by swaps of an alias", "0", measured, met)


def _answers(data: dict[str, Any]) -> Iterator[Figure]:
    for name in (TORCH, FLOAT32):
        found = data["answers"][name]
        equal, largest = found["equal_labels"], found["largest_difference"]
        yield Figure(
            f"answers {name}",
            f"answers of {name} beside torch in float32",
            "all labels equal, differences below 0.001",
            f"{equal:.1%} equal, at most {largest:.1e} apart",
            equal == 1 and largest < 1e-3,
        )


def _overload(data: dict[str, Any]) -> Iterator[Figure]:
    found = data["overload"]
    goodput, rows = found["goodput_by_peak"], found["pairs"]
    what = f"answers in time by peak, at {found['times']} times the peak"
    yield Figure("goodput", what, "at least 0.9", f"{goodput:.2f}", goodput >= 0.9)
    slowest = [row["refused_p99_ms"] for row in rows if row["refused_p99_ms"] is not None]
    worst = max(slowest, default=None)
    within = [row["refused_within_50_ms"] for row in rows if row["refused"]]
    measured = f"p99 {worst:.0f} ms, {min(within):.1%} within" if worst is not None else "none came"
    yield Figure(
        "refusals", "time to a 429 then", "at most 50 ms", measured, bool(worst and worst <= 50)
    )
    others: Counter[str] = Counter()
    for row in rows:
        others.update(row["other_statuses"] | ({"lost": row["lost"]} if row["lost"] else {}))
    named = ", ".join(f"{count} x {status}" for status, count in others.items()) or "0"
    what = "other statuses and lost requests then"
    yield Figure("others", what, "0", named, not others)
