"""Asked figures beside measured ones."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.serving import write
from benchmarks.serving.figures import figures

RATIO = {"value": 3.0, "low": 2.9, "high": 3.1}
SERVER = {
    "requests_per_second": 50.0,
    "p50_ms": 10.0,
    "p99_ms": 25.0,
    "p99_by_p50": 2.5,
    "cpu_ms_per_request": 40.0,
    "refused": 0,
    "broken": 0,
}
NAMES = ("ours-torch", "ours-float32", "ours", "litserve", "mlserver")


def _level() -> dict[str, Any]:
    ratios = {f"{a}/{b}": RATIO for a in NAMES[:3] for b in NAMES[3:]}
    way = {"engine": "onnxruntime", "precision": "int8", "batch_tokens": 512, "workers": 2}
    bare = {"way": way, "texts_per_second": 60.0, "cpu_ms_per_text": 33.0, "ours_by_bare": RATIO}
    return {"servers": dict.fromkeys(NAMES, SERVER), "ratios": ratios, "bare": bare}


def _pair() -> dict[str, Any]:
    pair = {"peak": 50.0, "sent": 2000, "in_time_per_second": 48.0, "too_late": 0, "refused": 1500}
    pair |= {"refused_p50_ms": 2.0, "refused_p99_ms": 70.0, "refused_within_50_ms": 0.98}
    return pair | {"other_statuses": {}, "lost": 0, "own_cpu_seconds": 1.0}


def _data(precision: str = "int8") -> dict[str, Any]:
    answer = {"texts": 200, "equal_labels": 1.0, "largest_difference": 1e-6}
    return {
        "conditions": dict.fromkeys(("date", "cores", "device", "python", "torch"), "-"),
        "versions": {"litserve": "0.2"},
        "lengths": {"seconds": 20, "alternations": 5},
        "served": {"engine": "onnxruntime", "precision": precision},
        "grid": [{"peer": "litserve", "settings": {"workers": 1}, "requests_per_second": {"1": 9}}],
        "levels": {"16": _level()},
        "answers": dict.fromkeys(NAMES, answer),
        "swap": {"requests": 900, "failed": 0, "swaps": 19},
        "overload": {"times": 4, "timeout_ms": 2000, "goodput_by_peak": 0.96, "pairs": [_pair()]},
    }


def test_each_asked_figure_is_met_or_missed() -> None:
    met = {one.key: one.met for one in figures(_data())}
    assert met["ours-torch/litserve@16"] is True
    assert met["ours-float32/mlserver@16"] is True
    assert met["ours/litserve@16"] is False  # 3.5 are asked
    assert met["refusals"] is False  # their p99 is 70 ms
    assert all(met[key] for key in ("bare", "p99", "swap", "goodput", "others"))


def test_the_ratio_for_reduced_precision_is_not_asked_of_float32() -> None:
    met = {one.key: one.met for one in figures(_data("float32"))}
    assert met["ours/litserve@16"] is None
    assert met["ours-float32/litserve@16"] is True


def test_the_section_says_which_figures_were_missed() -> None:
    text = write(_data())
    missed = text.partition("Missed:")[2]
    assert "- ours by litserve, 16 connections" in missed
    assert "- time to a 429" in missed
    assert "swaps" not in missed.partition("\n\n|")[0]
