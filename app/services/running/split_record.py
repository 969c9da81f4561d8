"""Which rows a transfer used for what, and what became of the others: anybody can check it."""

from __future__ import annotations

from typing import Any

from app.domain.datasets import Dataset
from app.domain.enums import Role
from app.domain.transfers import Transfer, TransferSpec
from app.learn.examples import Examples
from app.services.running.partition import HeldOut, Partition


def split_record(transfer: Transfer, held: HeldOut, partition: Partition) -> dict[str, Any]:
    """The JSON of a split: for each role its dataset, the count and the numbers of its rows.

    Rows of a role without a dataset of its own were split off the training dataset. `leaks` has
    the rows that were dropped because they would have given test rows away.
    """
    spec = transfer.spec
    roles = {role.value: _role(spec, role, rows) for role, rows in _used(held, partition).items()}
    grouped = held.pool is not None and held.pool.groups is not None
    return {
        # No two attempts have the same bytes, so that one's failure never takes the other's away.
        "transfer_id": transfer.id,
        "attempt": transfer.attempt,
        "seed": spec.seed,
        "grouped": grouped,
        "validation_fraction": partition.choice.fraction,
        "test_fraction": spec.test_fraction,
        "roles": roles,
        "leaks": held.leaks,
    }


def row_table(
    datasets: dict[Role, Dataset], held: HeldOut, partition: Partition
) -> dict[str, dict[str, Any]]:
    """What became of every row given, by the role of its dataset.

    `given` counts the rows of the file as it was sent, `used` those that play each role, and
    `dropped` the others by reason; `given` is the sum of both. Reasons: `empty`, `left_out`,
    `not_sampled`, and `same_group_as_X` and `same_input_as_X`, where X is the held-out part that a
    row repeats.
    """
    used = {role: len(rows) for role, rows in _used(held, partition).items()}
    used |= {role: len(inputs) for role, inputs in held.inputs.items()}
    used |= {role: len(pairs) for role, pairs in held.pairs.items()}
    table: dict[str, dict[str, Any]] = {}
    for role, dataset in datasets.items():
        assert dataset.facts is not None, "only what was read is transferred"
        usable, report = dataset.facts.rows, dataset.facts.report
        given = int(report.get("rows", usable))
        unread = {"left_out": sum(report.get("left_out", {}).values())}
        unread["empty"] = given - usable - unread["left_out"]
        parts = [role]
        if role is Role.TRAIN:
            parts += [part for part in (Role.VALIDATION, Role.TEST) if part not in datasets]
        table[role.value] = {
            "given": given,
            "used": {part.value: used[part] for part in parts if part in used},
            "dropped": _dropped(role, unread, held, partition),
        }
    return table


def _dropped(
    role: Role, unread: dict[str, int], held: HeldOut, partition: Partition
) -> dict[str, int]:
    report = held.leaks.get(role, {})
    same_group = int(report.get("same_group", 0))
    reasons = {
        **unread,
        "same_group_as_test": same_group,
        "same_input_as_test": int(report.get("dropped", 0)) - same_group,
        "not_sampled": partition.not_sampled if role is Role.TRAIN else 0,
    }
    reasons |= partition.leaks.get(role, {})
    return {reason: count for reason, count in reasons.items() if count}


def _used(held: HeldOut, partition: Partition) -> dict[Role, Examples]:
    found = {
        Role.TRAIN: partition.train,
        Role.VALIDATION: partition.validation,
        Role.TEST: held.test,
        Role.SOURCE: partition.source,
        Role.SOURCE_TEST: held.source_test,
    }
    return {role: rows for role, rows in found.items() if rows}


def _role(spec: TransferSpec, role: Role, rows: Examples) -> dict[str, Any]:
    return {
        "dataset_id": spec.datasets.get(role) or spec.datasets[Role.TRAIN],
        "split_off": role not in spec.datasets,
        "count": len(rows),
        "rows": [int(row) for row in rows.rows],
    }
