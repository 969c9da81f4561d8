"""Which rows a transfer may see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.domain.datasets import Dataset, DatasetFacts, DatasetHints
from app.domain.enums import DatasetKind, DatasetStatus, Role
from app.domain.errors.dataset_files import NoUsableRows
from app.domain.errors.transfers import NothingToTrainOn, SourceImageShapesDiffer, TooFewRowsToSplit
from app.domain.identity import now
from app.domain.transfers import SampleSize, TransferSpec
from app.formats.dataset_rows import load_examples
from app.formats.tables.read_texts import read_texts
from app.formats.tables.readers import open_delimited
from app.learn.data.examples import Examples, TextPairs
from app.services.transfers.partition import draw_partition, hold_out, row_table
from tests.support.datasets import (
    LABELS,
    Row,
    a_csv,
    image_examples,
    labelled_examples,
    labelled_rows,
)

SPEC = TransferSpec("mdl_1", "de", "fine-tune", {Role.TRAIN: "dst_1"})


def _rows(examples: Examples | None) -> set[int]:
    return set() if examples is None else set(examples.rows.tolist())


def test_missing_roles_are_split_off_and_share_nothing() -> None:
    spec = replace(SPEC, validation_fraction=0.15)
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    parts = draw_partition(spec, held, None, 0)
    test, train, validation = _rows(held.test), _rows(parts.train), _rows(parts.validation)
    assert len(test) == 18
    assert not test & train
    assert not test & validation
    assert not train & validation


def test_the_test_rows_are_the_same_in_every_repeat_and_the_samples_are_not() -> None:
    spec = replace(SPEC, sample=SampleSize(per_class=6))
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    first, again, second = (draw_partition(spec, held, None, n) for n in (0, 0, 1))
    assert _rows(first.train) == _rows(again.train) != _rows(second.train)
    assert not _rows(held.test) & (_rows(first.train) | _rows(second.train))


def test_validation_rows_are_part_of_the_sample() -> None:
    spec = replace(SPEC, sample=SampleSize(per_class=10), validation_fraction=0.15)
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    parts = draw_partition(spec, held, None, 0)
    assert len(_rows(parts.train) | _rows(parts.validation)) == 30


def test_a_validation_fraction_of_nothing_means_no_validation() -> None:
    spec = replace(SPEC, validation_fraction=0.0)
    held = hold_out(spec, {Role.TRAIN: labelled_examples(90, "de")})
    assert draw_partition(spec, held, None, 0).validation is None


@pytest.mark.parametrize(
    ("rows", "method", "parameters", "origin", "reason"),
    [
        (60, "fine-tune", {}, "none", "fewer than"),
        (2700, "fine-tune", {}, "split", "enough"),
        (2700, "fine-tune", {"strategy": "logistic"}, "none", "learns nothing"),
        (2700, "joint", {"strategy": "logistic"}, "none", "learns nothing"),
        (2700, "auto", {}, "none", "learns nothing"),
        (2700, "self-train", {}, "none", "learns nothing"),
        (2700, "self-train", {"strategy": "lp-ft"}, "split", "enough"),
        (2000, "fine-tune", {}, "none", "fewer than"),
    ],
)
def test_validation_rows_are_split_off_where_the_method_uses_them_and_there_are_enough(
    rows: int, method: str, parameters: dict[str, object], origin: str, reason: str
) -> None:
    spec = replace(SPEC, method=method, parameters=parameters)
    held = hold_out(spec, {Role.TRAIN: labelled_examples(rows, "de")})
    parts = draw_partition(spec, held, None, 0)
    assert parts.validation_choice.origin == origin
    assert reason in parts.validation_choice.reason
    assert (parts.validation is not None) is (origin == "split")
    wanted = replace(spec, validation_fraction=0.25)
    asked = draw_partition(wanted, held, None, 0)
    assert asked.validation_choice.fraction == 0.25
    assert asked.validation is not None


def test_training_rows_that_stand_in_a_given_test_set_are_dropped_and_counted() -> None:
    everything = labelled_examples(60, "de")
    test = everything.take(np.arange(40, 60))
    held = hold_out(SPEC, {Role.TRAIN: everything, Role.TEST: test})
    assert _rows(held.pool) == set(range(1, 41))
    assert held.leaks[Role.TRAIN]["dropped"] == 20
    with pytest.raises(NothingToTrainOn):
        hold_out(SPEC, {Role.TRAIN: test, Role.TEST: test})


def test_source_rows_that_translate_validation_rows_are_not_replayed() -> None:
    target, source = (labelled_examples(90, code, grouped=True) for code in ("de", "en"))
    spec = replace(SPEC, validation_fraction=0.15)
    held = hold_out(spec, {Role.TRAIN: target, Role.SOURCE: source})
    parts = draw_partition(spec, held, None, 0)
    assert parts.source is not None
    assert parts.validation is not None
    kept = set(parts.source.groups or ())
    assert not kept & set(held.test.groups or ())
    assert not kept & set(parts.validation.groups or ())


def test_inputs_without_labels_that_repeat_test_rows_are_dropped_and_counted() -> None:
    everything = labelled_examples(60, "de")
    test = everything.take(np.arange(40, 60))
    inputs = {Role.UNLABELLED: everything.inputs}
    held = hold_out(SPEC, {Role.TEST: test}, inputs)
    assert held.pool is None
    assert held.unlabelled[Role.UNLABELLED] == everything.inputs[:40]
    assert held.leaks[Role.UNLABELLED] == {"dropped": 20}
    with pytest.raises(NothingToTrainOn):
        hold_out(SPEC, {Role.TEST: test}, {Role.UNLABELLED: test.inputs})


def test_sentence_pairs_with_a_test_row_on_either_side_are_dropped_and_word_pairs_are_not() -> None:
    test = labelled_examples(3, "de")
    known = str(test.inputs[0])
    pairs = TextPairs(("one", "two", known.upper()), ("eins", known, "drei"))
    held = hold_out(SPEC, {Role.TEST: test}, None, {Role.PARALLEL: pairs, Role.DICTIONARY: pairs})
    assert held.pairs == {Role.PARALLEL: TextPairs(("one",), ("eins",)), Role.DICTIONARY: pairs}
    assert held.leaks[Role.PARALLEL] == {"dropped": 2}


def test_without_labelled_rows_there_is_nothing_to_test_or_to_train_on() -> None:
    held = hold_out(SPEC, {}, {Role.UNLABELLED: ["ein Satz"]})
    assert (held.test, held.pool) == (None, None)
    parts = draw_partition(SPEC, held, None, 0)
    assert (parts.train, parts.validation, parts.source) == (None, None, None)


def test_source_images_of_another_shape_are_refused() -> None:
    rows = {Role.TRAIN: image_examples(40), Role.SOURCE: image_examples(40, size=20)}
    with pytest.raises(SourceImageShapesDiffer, match="1 x 28 x 28"):
        hold_out(SPEC, rows)


def test_copies_given_once_are_split_as_one_and_each_row_is_accounted_for(tmp_path: Path) -> None:
    """40 sentences, 5 copies of each."""
    rows = [row for row in labelled_rows(40, "de") for _ in range(5)]
    spec = replace(SPEC, validation_fraction=0.15)
    dataset, examples = _read(tmp_path, [(text, label, "") for text, label, _ in rows])
    held = hold_out(spec, {Role.TRAIN: examples})
    parts = draw_partition(spec, held, None, 0)
    assert parts.train is not None
    assert parts.validation is not None
    assert len(set(parts.train.inputs)) >= 25
    counts = row_table({Role.TRAIN: dataset}, held, parts)["train"]
    assert counts["received"] == 200 == sum(counts["used"].values())
    assert not counts["dropped"]


def test_rows_that_an_annotation_tool_skips_are_accounted_for(tmp_path: Path) -> None:
    dataset, examples = _read(tmp_path, labelled_rows(30, "de"))
    assert dataset.facts is not None
    report = dataset.facts.report | {"rows": 35, "left_out": {"skipped": 3, "disputed": 1}}
    dataset = replace(dataset, facts=replace(dataset.facts, report=report))
    held = hold_out(SPEC, {Role.TRAIN: examples})
    table = row_table({Role.TRAIN: dataset}, held, draw_partition(SPEC, held, None, 0))
    assert table["train"]["dropped"] == {"left_out": 4, "empty": 1}
    assert table["train"]["received"] == 35 == sum(table["train"]["used"].values()) + 5


def _read(folder: Path, rows: list[Row]) -> tuple[Dataset, Examples]:
    """The rows as a file that was uploaded and read; empty texts are left out."""
    canonical = folder / "canonical.parquet"
    table = open_delimited(a_csv(folder / "rows.csv", rows), DatasetHints())
    facts = read_texts(table, DatasetHints(), "de", canonical)
    dataset = Dataset("dst_1", "rows", "de", DatasetStatus.READY, now(), 1, "", facts=facts)
    return dataset, load_examples(
        canonical, facts, tuple("abc") if set(facts.labels) <= set("abc") else LABELS
    )


_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", *(f"text {i}" for i in range(12))]),
        st.sampled_from("abc"),
        st.sampled_from(["", "", "g1", "g2", "g3", "g4"]),
    ),
    min_size=1,
    max_size=40,
)


@given(
    files=st.fixed_dictionaries(
        {Role.TRAIN: _ROWS},
        optional={Role.VALIDATION: _ROWS, Role.TEST: _ROWS, Role.SOURCE: _ROWS},
    ),
    inputs=st.lists(st.sampled_from([f"text {i}" for i in range(40)]), min_size=1),
    sample=st.sampled_from([None, SampleSize(rows=5), SampleSize(per_class=2)]),
    fraction=st.sampled_from([None, 0.0, 0.3]),
)
@settings(max_examples=60, deadline=None)
def test_every_row_given_is_used_or_dropped_for_a_reason(
    files: dict[Role, list[Row]],
    inputs: list[str],
    sample: SampleSize | None,
    fraction: float | None,
) -> None:
    spec = replace(SPEC, sample=sample, validation_fraction=fraction)
    datasets, examples = {}, {}
    with TemporaryDirectory() as folder:
        for role, rows in files.items():
            try:
                datasets[role], examples[role] = _read(Path(folder), rows)
            except NoUsableRows:
                assume(False)
    facts = DatasetFacts(DatasetKind.UNLABELLED, len(inputs), (), False)
    datasets[Role.UNLABELLED] = replace(datasets[Role.TRAIN], facts=facts)
    try:
        held = hold_out(spec, examples, {Role.UNLABELLED: inputs})
        parts = draw_partition(spec, held, examples.get(Role.VALIDATION), 0)
    except (NothingToTrainOn, TooFewRowsToSplit):
        assume(False)
    table = row_table(datasets, held, parts)
    assert set(table) == {role.value for role in datasets}
    for role, rows in files.items():
        assert table[role]["received"] == len(rows)
    for counts in table.values():
        assert counts["received"] == sum(counts["used"].values()) + sum(counts["dropped"].values())
        assert min(counts["dropped"].values(), default=1) > 0
