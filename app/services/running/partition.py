"""Who sees which rows: the test rows of a transfer, and the training rows of each repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.domain.enums import Role
from app.domain.errors.running import ImageShapesDiffer, NothingToTrainOn
from app.domain.transfers import TransferSpec
from app.learn.examples import Examples, Inputs, take_inputs
from app.learn.leakage import drop_leaks, unseen_inputs
from app.learn.pairs import Pairs
from app.learn.samples import draw_sample
from app.learn.splits import split_off


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
    inputs: dict[Role, Inputs]
    pairs: dict[Role, Pairs]
    leaks: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Partition:
    """The labelled rows of one repeat, each None where there are none."""

    train: Examples | None
    validation: Examples | None
    source: Examples | None


def hold_out(
    spec: TransferSpec,
    examples: dict[Role, Examples],
    inputs: dict[Role, Inputs] | None = None,
    pairs: dict[Role, Pairs] | None = None,
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
    held = [part for part in (test, source_test) if part is not None]
    leaks: dict[str, dict[str, Any]] = {}
    if pool is not None and source is not None:
        _check_shapes(pool, source)
    return HeldOut(
        test=test,
        pool=pool and _kept(Role.TRAIN, pool, held, leaks),
        source=source and _kept(Role.SOURCE, source, held, leaks),
        source_test=source_test,
        inputs={role: _unseen(role, x, held, leaks) for role, x in (inputs or {}).items()},
        pairs={role: _unseen_pairs(role, x, held, leaks) for role, x in (pairs or {}).items()},
        leaks=leaks,
    )


def draw_partition(
    spec: TransferSpec, held: HeldOut, given_validation: Examples | None, repeat: int
) -> Partition:
    """The rows of repeat 0, 1, ...: the same for the same specification.

    Validation rows are split off the sample, so that a sample of 10 rows per class costs 10
    labels per class and no more; a validation dataset that was given stands beside it. Validation
    rows that repeat training rows are left out, and source rows that repeat validation rows.
    """
    seed = spec.seed + repeat
    train, validation = held.pool, given_validation
    if train is not None and spec.sample:
        train = draw_sample(train, spec.sample, seed)
    if train is not None and validation is None and spec.validation_fraction > 0:
        train, validation = split_off(train, spec.validation_fraction, seed)
    if validation is not None:
        seen = [part for part in (train, held.test) if part is not None]
        validation, _ = drop_leaks(validation, *seen)
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


def _unseen(
    role: Role, inputs: Inputs, held: list[Examples], leaks: dict[str, dict[str, Any]]
) -> Inputs:
    """Plain inputs less those that a method could only know from the held-out rows."""
    positions = unseen_inputs(inputs, *held)
    leaks[role] = {"dropped": len(inputs) - len(positions)}
    if not len(positions):
        raise NothingToTrainOn(role, len(inputs))
    return take_inputs(inputs, positions)


def _unseen_pairs(
    role: Role, pairs: Pairs, held: list[Examples], leaks: dict[str, dict[str, Any]]
) -> Pairs:
    """Sentence pairs without a held-out text on either side; words give no text away."""
    if role is Role.DICTIONARY:
        return pairs
    sides = [set(unseen_inputs(list(side), *held)) for side in (pairs.source, pairs.target)]
    positions = sorted(sides[0] & sides[1])
    leaks[role] = {"dropped": len(pairs) - len(positions)}
    if not positions:
        raise NothingToTrainOn(role, len(pairs))
    return pairs.take(positions)


def _check_shapes(target: Examples, source: Examples) -> None:
    if isinstance(target.inputs, list) or isinstance(source.inputs, list):
        return
    if target.inputs.shape[1:] != source.inputs.shape[1:]:
        raise ImageShapesDiffer(target.inputs.shape[1:], source.inputs.shape[1:])
