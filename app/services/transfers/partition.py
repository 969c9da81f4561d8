"""Test rows, the training and validation rows of each repeat, and the record of both."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from app.domain.datasets import Dataset
from app.domain.enums import Role
from app.domain.errors.transfers import NothingToTrainOn, SourceImageShapesDiffer, TooFewRowsToSplit
from app.domain.transfers import Transfer, TransferSpec
from app.learn.data.examples import Examples, Inputs, TextPairs, take_inputs
from app.learn.data.leakage import drop_leaks, unseen_inputs
from app.learn.data.splits import draw_sample, split_off
from app.methods.contract import method_named

# Of fewer training rows no validation part is split off unless the user says so: the labels are
# missed in training, and a score on so few is too coarse to choose among its states (decision 29).
MIN_ROWS_TO_VALIDATE = 2000
DEFAULT_VALIDATION_FRACTION = 0.15


@dataclass(frozen=True)
class HeldOut:
    """What stays the same over the repeats: `pool` is what training rows are drawn from.

    `test` and `pool` are None where the user gave no labelled rows for them. `leaks` counts, by
    role, the rows that were dropped because they give test rows away.
    """

    test: Examples | None
    pool: Examples | None
    source: Examples | None
    source_test: Examples | None
    unlabelled: dict[Role, Inputs]
    pairs: dict[Role, TextPairs]
    leaks: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class ValidationChoice:
    """Where validation rows come from, and why in a sentence.

    `origin` is `dataset` (the user gave one), `split` (a part of the training rows) or `none`;
    `fraction` that of the training rows split off, 0 where none is.
    """

    origin: str
    fraction: float
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Partition:
    """The labelled rows of one repeat, each None where there are none.

    `leaks` counts, by role, the rows dropped because they repeat other rows of the repeat;
    `not_sampled` the training rows that the sample left out.
    """

    train: Examples | None
    validation: Examples | None
    source: Examples | None
    validation_choice: ValidationChoice
    leaks: dict[Role, dict[str, int]] = field(default_factory=dict)
    not_sampled: int = 0


def hold_out(
    spec: TransferSpec,
    examples: dict[Role, Examples],
    unlabelled: dict[Role, Inputs] | None = None,
    pairs: dict[Role, TextPairs] | None = None,
) -> HeldOut:
    """Set the test rows apart, and drop from all others what would give them away.

    A test set is split off the training rows where none is given. Rows leak when they share a
    group id or their content with a test row; so do source rows, whose group ids tell
    translations of test rows. Raises `NothingToTrainOn`.
    """
    pool, test = examples.get(Role.TRAIN), examples.get(Role.TEST)
    if test is None and pool is not None:
        pool, test = split_off(pool, spec.test_fraction, spec.seed)
    source, source_test = examples.get(Role.SOURCE), examples.get(Role.SOURCE_TEST)
    held_out = [part for part in (test, source_test) if part is not None]
    leaks: dict[str, dict[str, Any]] = {}
    if pool is not None and source is not None:
        _check_shapes(pool, source)
    return HeldOut(
        test=test,
        pool=pool and _without_leaks(Role.TRAIN, pool, held_out, leaks),
        source=source and _without_leaks(Role.SOURCE, source, held_out, leaks),
        source_test=source_test,
        unlabelled={
            role: _unseen(role, x, held_out, leaks) for role, x in (unlabelled or {}).items()
        },
        pairs={role: _unseen_pairs(role, x, held_out, leaks) for role, x in (pairs or {}).items()},
        leaks=leaks,
    )


def draw_partition(
    spec: TransferSpec, held_out: HeldOut, given_validation: Examples | None, repeat: int
) -> Partition:
    """The rows of repeat 0, 1, ...: the same for the same specification.

    Validation rows are split off the sample, so that a sample of 10 rows per class costs 10
    labels per class and no more; a validation dataset that was given stands beside it. Validation
    rows that repeat training rows are left out, and source rows that repeat validation rows.
    """
    seed = spec.seed + repeat
    train: Examples | None = held_out.pool
    leaks: dict[Role, dict[str, int]] = {}
    if train is not None and spec.sample:
        train = draw_sample(train, spec.sample, seed)
    not_sampled = 0 if train is None or held_out.pool is None else len(held_out.pool) - len(train)
    if given_validation is not None:
        validation, leaks = _unseen_validation(given_validation, train, held_out.test)
        validation_choice = _given_dataset(validation)
    else:
        validation_choice = choose_validation(spec, 0 if train is None else len(train))
        train, validation, validation_choice = _split_validation(
            train, validation_choice, spec, seed
        )
    source = held_out.source
    if source is not None and validation is not None:
        reports: dict[str, dict[str, Any]] = {}
        source = _without_leaks(Role.SOURCE, source, [validation], reports)
        leaks[Role.SOURCE] = _counts(reports[Role.SOURCE], "validation")
    return Partition(train, validation, source, validation_choice, leaks, not_sampled)


def choose_validation(spec: TransferSpec, rows: int) -> ValidationChoice:
    """How much of `rows` training rows to split off for validation where no dataset is given."""
    method = method_named(spec.method)
    if not rows:
        return ValidationChoice("none", 0.0, "There are no training rows to split any off.")
    if spec.validation_fraction is not None:
        origin = "split" if spec.validation_fraction else "none"
        return ValidationChoice(origin, spec.validation_fraction, "The request says so.")
    if not method.uses_validation(method.parameters.model_validate(spec.parameters)):
        reason = f"`{method.name}` with these parameters learns nothing from validation rows."
        return ValidationChoice("none", 0.0, f"{reason} All {rows} rows are trained on.")
    if rows < MIN_ROWS_TO_VALIDATE:
        reason = (
            f"{rows} training rows are fewer than {MIN_ROWS_TO_VALIDATE}: a part of them would be "
            "too small to say when to stop, and is worth more as training rows. Training makes a "
            "fixed number of steps."
        )
        return ValidationChoice("none", 0.0, reason)
    reason = f"{rows} training rows are enough to spare a part that says when to stop."
    return ValidationChoice("split", DEFAULT_VALIDATION_FRACTION, reason)


def _split_validation(
    train: Examples | None, validation_choice: ValidationChoice, spec: TransferSpec, seed: int
) -> tuple[Examples | None, Examples | None, ValidationChoice]:
    """Raises `TooFewRowsToSplit` only where the user asked for the split."""
    if train is None or validation_choice.origin != "split":
        return train, None, validation_choice
    try:
        train, validation = split_off(train, validation_choice.fraction, seed)
    except TooFewRowsToSplit as error:
        if spec.validation_fraction is not None:
            raise
        return train, None, ValidationChoice("none", 0.0, str(error))
    return train, validation, validation_choice


def _unseen_validation(
    rows: Examples, train: Examples | None, test: Examples | None
) -> tuple[Examples | None, dict[Role, dict[str, int]]]:
    """The validation rows that repeat neither test nor training rows, and counts of the others."""
    counts: dict[str, int] = {}
    for name, part in (("test", test), ("train", train)):
        if part is not None:
            rows, report = drop_leaks(rows, part)
            counts |= _counts(report, name)
    return (rows if len(rows) else None), {Role.VALIDATION: counts}


def _given_dataset(validation: Examples | None) -> ValidationChoice:
    if validation is None:
        reason = "Every row of the validation dataset repeats a training or a test row."
        return ValidationChoice("none", 0.0, reason)
    return ValidationChoice("dataset", 0.0, "A validation dataset was given.")


def _counts(report: dict[str, Any], part: str) -> dict[str, int]:
    """Dropped rows by reason, those without any left out."""
    reasons = {name: report.get(name, 0) for name in ("same_group", "same_input")}
    return {f"{name}_as_{part}": count for name, count in reasons.items() if count}


def _without_leaks(
    role: Role, rows: Examples, held_out: list[Examples], leaks: dict[str, dict[str, Any]]
) -> Examples:
    kept, leaks[role] = drop_leaks(rows, *held_out)
    if not len(kept):
        raise NothingToTrainOn(role, len(rows))
    return kept


def _unseen(
    role: Role, inputs: Inputs, held_out: list[Examples], leaks: dict[str, dict[str, Any]]
) -> Inputs:
    """Plain inputs less those that a method could only know from the held-out rows."""
    positions = unseen_inputs(inputs, *held_out)
    leaks[role] = {"dropped": len(inputs) - len(positions)}
    if not len(positions):
        raise NothingToTrainOn(role, len(inputs))
    return take_inputs(inputs, positions)


def _unseen_pairs(
    role: Role, pairs: TextPairs, held_out: list[Examples], leaks: dict[str, dict[str, Any]]
) -> TextPairs:
    """Sentence pairs without a held-out text on either side; words give no text away."""
    if role is Role.DICTIONARY:
        return pairs
    sides = [set(unseen_inputs(list(side), *held_out)) for side in (pairs.source, pairs.target)]
    positions = sorted(sides[0] & sides[1])
    leaks[role] = {"dropped": len(pairs) - len(positions)}
    if not positions:
        raise NothingToTrainOn(role, len(pairs))
    return pairs.take(positions)


def _check_shapes(target: Examples, source: Examples) -> None:
    if isinstance(target.inputs, list) or isinstance(source.inputs, list):
        return
    if target.inputs.shape[1:] != source.inputs.shape[1:]:
        raise SourceImageShapesDiffer(target.inputs.shape[1:], source.inputs.shape[1:])


def split_record(transfer: Transfer, held_out: HeldOut, partition: Partition) -> dict[str, Any]:
    """The JSON of a split: for each role its dataset, the count and the numbers of its rows.

    Rows of a role without a dataset of its own were split off the training dataset. `leaks` has
    the rows that were dropped because they would have given test rows away.
    """
    spec = transfer.spec
    roles = {
        role.value: _role_record(spec, role, rows)
        for role, rows in _rows_by_role(held_out, partition).items()
    }
    grouped = held_out.pool is not None and held_out.pool.groups is not None
    return {
        # No two attempts have the same bytes, so that one's failure never takes the other's away.
        "transfer_id": transfer.id,
        "attempt": transfer.attempt,
        "seed": spec.seed,
        "grouped": grouped,
        "validation_fraction": partition.validation_choice.fraction,
        "test_fraction": spec.test_fraction,
        "roles": roles,
        "leaks": held_out.leaks,
    }


def row_table(
    datasets: dict[Role, Dataset], held_out: HeldOut, partition: Partition
) -> dict[str, dict[str, Any]]:
    """What became of every row received, by the role of its dataset.

    `received` counts the rows of the file as it was sent, `used` those that play each role, and
    `dropped` the others by reason; `received` is the sum of both. Reasons: `empty`, `left_out`,
    `not_sampled`, and `same_group_as_X` and `same_input_as_X`, where X is the held-out part that a
    row repeats.
    """
    used = {role: len(rows) for role, rows in _rows_by_role(held_out, partition).items()}
    used |= {role: len(inputs) for role, inputs in held_out.unlabelled.items()}
    used |= {role: len(pairs) for role, pairs in held_out.pairs.items()}
    table: dict[str, dict[str, Any]] = {}
    for role, dataset in datasets.items():
        assert dataset.facts is not None, "only what was read is transferred"
        usable, report = dataset.facts.rows, dataset.facts.report
        received = int(report.get("rows", usable))
        unread = {"left_out": sum(report.get("left_out", {}).values())}
        unread["empty"] = received - usable - unread["left_out"]
        parts = [role]
        if role is Role.TRAIN:
            parts += [part for part in (Role.VALIDATION, Role.TEST) if part not in datasets]
        table[role.value] = {
            "received": received,
            "used": {part.value: used[part] for part in parts if part in used},
            "dropped": _dropped_by_reason(role, unread, held_out, partition),
        }
    return table


def _dropped_by_reason(
    role: Role, unread: dict[str, int], held_out: HeldOut, partition: Partition
) -> dict[str, int]:
    report = held_out.leaks.get(role, {})
    same_group = int(report.get("same_group", 0))
    reasons = {
        **unread,
        "same_group_as_test": same_group,
        "same_input_as_test": int(report.get("dropped", 0)) - same_group,
        "not_sampled": partition.not_sampled if role is Role.TRAIN else 0,
    }
    reasons |= partition.leaks.get(role, {})
    return {reason: count for reason, count in reasons.items() if count}


def _rows_by_role(held_out: HeldOut, partition: Partition) -> dict[Role, Examples]:
    found = {
        Role.TRAIN: partition.train,
        Role.VALIDATION: partition.validation,
        Role.TEST: held_out.test,
        Role.SOURCE: partition.source,
        Role.SOURCE_TEST: held_out.source_test,
    }
    return {role: rows for role, rows in found.items() if rows}


def _role_record(spec: TransferSpec, role: Role, rows: Examples) -> dict[str, Any]:
    return {
        "dataset_id": spec.datasets.get(role) or spec.datasets[Role.TRAIN],
        "split_off": role not in spec.datasets,
        "count": len(rows),
        "rows": [int(row) for row in rows.rows],
    }
