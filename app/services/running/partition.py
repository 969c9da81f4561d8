"""Who sees which rows: the test rows of a transfer, and the training rows of each repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.enums import Role
from app.domain.errors.running import ImageShapesDiffer, NothingToTrainOn
from app.domain.transfers import TransferSpec
from app.learn.examples import Examples
from app.learn.leakage import drop_leaks
from app.learn.samples import draw_sample
from app.learn.splits import split_off


@dataclass(frozen=True)
class HeldOut:
    """What stays the same over the repeats: `pool` is what training rows are drawn from.

    `leaks` counts, by role, the rows that were dropped because they give test rows away.
    """

    test: Examples
    pool: Examples
    source: Examples | None
    source_test: Examples | None
    leaks: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Partition:
    """The rows of one repeat; `validation` is None where there is none."""

    train: Examples
    validation: Examples | None
    source: Examples | None


def hold_out(spec: TransferSpec, examples: dict[Role, Examples]) -> HeldOut:
    """Set the test rows apart, and drop from all others what would give them away.

    A test set is split off the training rows where none is given. Rows leak when they share a
    group id or their content with a test row; so do source rows, whose group ids tell
    translations of test rows. Raises `NothingToTrainOn`.
    """
    pool, test = examples[Role.TRAIN], examples.get(Role.TEST)
    if test is None:
        pool, test = split_off(pool, spec.test_fraction, spec.seed)
    source_test = examples.get(Role.SOURCE_TEST)
    held = [test] if source_test is None else [test, source_test]
    leaks: dict[str, dict[str, Any]] = {}
    kept = _kept(Role.TRAIN, pool, held, leaks)
    source = examples.get(Role.SOURCE)
    if source is not None:
        _check_shapes(pool, source)
        source = _kept(Role.SOURCE, source, held, leaks)
    return HeldOut(test, kept, source, source_test, leaks)


def draw_partition(
    spec: TransferSpec, held: HeldOut, given_validation: Examples | None, repeat: int
) -> Partition:
    """The rows of repeat 0, 1, ...: the same for the same specification.

    Validation rows are split off the sample, so that a sample of 10 rows per class costs 10
    labels per class and no more; a validation dataset that was given stands beside it. Validation
    rows that repeat training rows are left out, and source rows that repeat validation rows.
    """
    seed = spec.seed + repeat
    train = draw_sample(held.pool, spec.sample, seed) if spec.sample else held.pool
    validation = given_validation
    if validation is None and spec.validation_fraction > 0:
        train, validation = split_off(train, spec.validation_fraction, seed)
    if validation is not None:
        validation, _ = drop_leaks(validation, train, held.test)
        validation = validation if len(validation) else None
    source = held.source
    if source is not None and validation is not None:
        source = _kept(Role.SOURCE, source, [validation], {})
    return Partition(train, validation, source)


def _kept(
    role: Role, rows: Examples, held: list[Examples], leaks: dict[str, dict[str, Any]]
) -> Examples:
    kept, leaks[role] = drop_leaks(rows, *held)
    if not len(kept):
        raise NothingToTrainOn(role, len(rows))
    return kept


def _check_shapes(target: Examples, source: Examples) -> None:
    if isinstance(target.inputs, list) or isinstance(source.inputs, list):
        return
    if target.inputs.shape[1:] != source.inputs.shape[1:]:
        raise ImageShapesDiffer(target.inputs.shape[1:], source.inputs.shape[1:])
