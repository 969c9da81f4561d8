"""The transfers that survived having everything killed."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import conditions, table
from benchmarks.storm.checks import EQUAL_SCORES, NO_ORPHANS

_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def write(data: dict[str, Any]) -> str:
    """The section."""
    chapters = data["databases"]
    settings = ", ".join(f"`{name}={value}`" for name, value in data["settings"].items())
    return f"""## Storm: everything is killed, no transfer is lost

`make storm` (`python -m benchmarks.storm`). {conditions(data)} Seed {data["seed"]}.

An API and two workers (`babelport api`, `babelport worker`) carry out small transfers of eight
kinds, five of digit images and three of texts (one transfer in four), which four clients send. A
quarter of the requests is first sent with so little patience that it may be given up before its
answer, and each is sent until it is answered, under one `Idempotency-Key`. Every 4 to 10 seconds
SIGKILL hits the API, a worker or a transfer's process at random, and what died is started again
after a second. It stops when a twentieth of the transfers is left, because every blow would then
fall on the same few. When half of them are over, PostgreSQL is crashed (`pg_ctl -m immediate stop`)
and started after 2 s; SQLite has no server, so that there every process of the service is killed
at once. Settings: {settings}.

An attempt makes the same bytes as the one before it, so what a killed process stored is mostly
needed again: orphans are few. How long a storm takes depends on what else runs on the cores.

{table(["", *(_NAMES[kind] for kind in chapters)], _rows(chapters))}

The wait is that from a transfer's creation to its first event `running`, both times taken from the
one clock of the machine that the database shares with the service. For it, transfers were sent one
at a time, in the calm before, while one worker had nothing to do. Metrics are compared exactly, on
a CPU, with those of the same transfer in the calm: {_verdict(chapters)}"""


def _rows(chapters: dict[str, dict[str, Any]]) -> list[list[str]]:
    lines = {
        "transfers sent": lambda one: one["transfers"],
        "succeeded, each with exactly one model": lambda one: one["succeeded_with_one_model"],
        "evaluations compared with the calm": lambda one: one["evaluations_compared"],
        "of these different": lambda one: len(one["wrong"][EQUAL_SCORES]),
        "models equal to the calm's to the byte": lambda one: one["models_equal_to_the_byte"],
        "kills of the API": lambda one: one["storm"]["kills"].get("api", 0),
        "kills of a worker": lambda one: one["storm"]["kills"].get("worker", 0),
        "kills of a transfer's process": lambda one: one["storm"]["kills"].get("child", 0),
        "restarts of the database": lambda one: one["storm"]["database_restarts"],
        "requests given up and sent again": lambda one: one["storm"][
            "requests_given_up_before_their_answer"
        ],
        "attempts in all": lambda one: one["attempts"],
        "most attempts of one transfer": lambda one: one["most_attempts"],
        "trainings taken up from a checkpoint": lambda one: one["resumes"],
        "orphan artifacts before collection": lambda one: one["orphans_before_collection"],
        "orphan artifacts after": lambda one: len(one["wrong"][NO_ORPHANS]),
        "seconds of the storm": lambda one: one["storm"]["seconds"],
        "highest load average of the machine then": lambda one: one["storm"].get(
            "highest_load", "not noted"
        ),
        "wait for an idle worker, p50": lambda one: f"{one['idle']['p50_ms']:.0f} ms",
        "wait for an idle worker, p95": lambda one: f"{one['idle']['p95_ms']:.0f} ms",
        "transfers in that measurement": lambda one: one["idle"]["transfers"],
    }
    return [[name, *(str(read(one)) for one in chapters.values())] for name, read in lines.items()]


def _verdict(chapters: dict[str, dict[str, Any]]) -> str:
    failed = [
        f"{_NAMES[kind]}: {check}"
        for kind, one in chapters.items()
        for check, found in one["wrong"].items()
        if found
    ]
    if failed:
        return "these checks failed: " + "; ".join(failed) + "."
    checks = len(next(iter(chapters.values()))["wrong"])
    return (
        f"all {checks} checks held on each database, among them that no lease, no unfinished row, "
        "no process and no temporary folder was left."
    )
