"""Served models beside LitServe and MLServer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.sections.layout import conditions, table
from benchmarks.serving.figures import Figure, figures

_FLOAT32 = (
    "in float32 torch and ONNX Runtime both compute at the processors' peak, so what is left to "
    "gain is the order of texts, padding and what surrounds the engine."
)
_ONE = "one connection leaves nothing to batch, and the peers, too, take what processors help."
# Why a figure was missed, by its key or the beginning of it: what stands here is printed beside it.
WHY: dict[str, str] = {
    "ours-torch/litserve@1": _ONE,
    "ours-torch/mlserver@1": _ONE,
    "ours-float32/": _FLOAT32,
    "ours/litserve@1": _ONE,
    "ours/mlserver@1": _ONE,
    "bare": "the bare engine has all texts sorted beforehand, so that its batches hold no padding; "
    "the service sees at most 64 texts, a tenth or more of what it computes is padding, and it "
    "shares the two processors with the API and the load.",
    "p99": "what has waited for 0.1 s (`BABELPORT_BATCH_AGE_SECONDS`) is in the next batch, and "
    "the median is half of that by now: a lower age bound should bring it down.",
    "goodput": "each refusal takes the API about a tenth of a millisecond, nearly a thousand times "
    "a second, and the sender, which runs on the same two processors, as much again.",
}

_VERDICTS = {True: "met", False: "missed", None: "does not apply"}


def write(data: dict[str, Any]) -> str:
    """The section."""
    found = figures(data)
    asked = ["figure", "asked", "measured", ""]
    return f"""## Serving beside LitServe and MLServer

`python -m benchmarks.serving --data FOLDER --environments FOLDER`. {conditions(data)}
{_versions(data)}

All serve the same file: multilingual-e5-small with a linear head for the 7 topics of SIB-200, as a
transfer to German made it. `ours-torch` computes with torch in float32 as the peers do,
`ours-float32` with the engine that the service chose, kept to float32, and `ours` is what nobody
sets anything for: {_served(data)}. One thread of `wrk` goes through the same 2,000 texts (22
languages; phrases, sentences, two and five sentences joined) for each. The servers are measured in
turn, {_turns(data)} times each, the others stopped meanwhile (SIGSTOP). Each peer runs, for each
number of connections, at the best of the settings below. Ratios are medians over alternations of
requests per second in the same alternation, with a 95% bootstrap interval; latencies are wrk's,
corrected by it for requests that it would have sent while it waited; processor time is that of all
processes of a server.

{table(asked, [_row(one) for one in found])}

{_reasons(found)}{_levels(data)}

Answers to 200 of the texts beside torch in float32, each text by itself:

{table(["server", "equal labels", "largest difference"], list(_answers(data)))}

{_overload(data)}

The settings of the peers that were tried, in requests per second by connections:

{table(["peer", "settings", *data["levels"]], list(_grid(data)))}"""


def _versions(data: dict[str, Any]) -> str:
    told = [f"{name} {version}" for name, version in data["versions"].items()]
    return f"{', '.join(told)}."


def _served(data: dict[str, Any]) -> str:
    served = data["served"]
    return f"{served['engine']} in {served['precision']}" if served else "not recorded"


def _turns(data: dict[str, Any]) -> str:
    lengths = data["lengths"]
    return f"{lengths['seconds']:g} s at a time, {lengths['alternations']}"


def _row(figure: Figure) -> list[str]:
    return [figure.what, figure.asked, figure.measured, _VERDICTS[figure.met]]


def _reasons(found: list[Figure]) -> str:
    missed = [one for one in found if one.met is False]
    told = [f"- {one.what}: {_reason(one.key)}" for one in missed]
    return "Missed:\n\n" + "\n".join(told) + "\n\n" if told else ""


def _reason(key: str) -> str:
    # The whole key first: "ours/litserve@1" is also the beginning of "ours/litserve@16".
    known = WHY.get(key) or next((WHY[start] for start in WHY if key.startswith(start)), None)
    return known or "why is not known yet."


def _levels(data: dict[str, Any]) -> str:
    heading = ["connections", "server", "requests/s", "p50 ms", "p99 ms", "CPU ms per request"]
    rows = []
    for level, found in data["levels"].items():
        for name, one in found["servers"].items():
            numbers = ("requests_per_second", "p50_ms", "p99_ms", "cpu_ms_per_request")
            cells = [f"{one[number]:.1f}" for number in numbers]
            rows.append([level, name, *cells, str(one["refused"] + one["broken"])])
        if "bare" in found:
            bare = found["bare"]
            cells = [f"{bare['texts_per_second']:.1f}", "", "", f"{bare['cpu_ms_per_text']:.1f}"]
            rows.append([level, f"bare engine ({_way(bare['way'])})", *cells, ""])
    return table([*heading, "errors"], rows)


def _way(way: dict[str, Any]) -> str:
    told = f"{way['engine']} {way['precision']}, batches of {way['batch_tokens']} tokens"
    return f"{told}, {way['workers']} at a time"


def _answers(data: dict[str, Any]) -> Iterator[list[str]]:
    for name, one in data["answers"].items():
        yield [name, f"{one['equal_labels']:.1%}", f"{one['largest_difference']:.1e}"]


def _overload(data: dict[str, Any]) -> str:
    found = data["overload"]
    heading = ["peak/s", "sent", "in time/s", "too late", "429", "429 p50 ms", "429 p99 ms"]
    rows = [
        [
            f"{row['peak']:.1f}",
            str(row["sent"]),
            f"{row['in_time_per_second']:.1f}",
            str(row["too_late"]),
            str(row["refused"]),
            *(_number(row[f"refused_{q}_ms"]) for q in ("p50", "p99")),
            f"{row['own_cpu_seconds']:.1f}",
        ]
        for row in found["pairs"]
    ]
    return f"""Overload of `ours`: a peak by wrk at 64 connections, then {found["times"]} times as
many requests a second, sent when they are due, each of which asks for an answer within
{found["timeout_ms"]} ms. The sender runs on the same cores; the last column is its processor time
in seconds.

{table([*heading, "sender's CPU s"], rows)}"""


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _grid(data: dict[str, Any]) -> Iterator[list[str]]:
    for one in data["grid"]:
        settings = ", ".join(f"{name} {value}" for name, value in one["settings"].items())
        rates = sorted(one["requests_per_second"].items(), key=lambda item: int(item[0]))
        yield [one["peer"], settings, *(f"{rate:.1f}" for _, rate in rates)]
