"""Which rows a transfer used for what, so that anybody can check it."""

from __future__ import annotations

from typing import Any

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
    found = {
        Role.TRAIN: partition.train,
        Role.VALIDATION: partition.validation,
        Role.TEST: held.test,
        Role.SOURCE: partition.source,
        Role.SOURCE_TEST: held.source_test,
    }
    roles = {role.value: _role(spec, role, rows) for role, rows in found.items() if rows}
    grouped = held.pool is not None and held.pool.groups is not None
    return {
        # No two attempts have the same bytes, so that one's failure never takes the other's away.
        "transfer_id": transfer.id,
        "attempt": transfer.attempt,
        "seed": spec.seed,
        "grouped": grouped,
        "validation_fraction": spec.validation_fraction,
        "test_fraction": spec.test_fraction,
        "roles": roles,
        "leaks": held.leaks,
    }


def _role(spec: TransferSpec, role: Role, rows: Examples) -> dict[str, Any]:
    return {
        "dataset_id": spec.datasets.get(role) or spec.datasets[Role.TRAIN],
        "split_off": role not in spec.datasets,
        "count": len(rows),
        "rows": [int(row) for row in rows.rows],
    }
