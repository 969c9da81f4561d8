"""Predictions as tables of Parquet: of an evaluation, of a batch, exported as CSV or JSON lines."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from app.formats.dataset_rows import PredictionRows
from app.learn.data.examples import NO_WORD, Examples, texts_of
from app.learn.tasks.contract import Objective
from app.learn.tasks.multi_label import MultiLabel
from app.learn.tasks.tagging import Tagging

RowOrder = Literal["worst", "best", "row"]
_METADATA_KEY = b"babelport"
_ENTITY = pa.struct(
    [
        ("type", pa.string()),
        ("text", pa.string()),
        ("first_word", pa.int64()),
        ("last_word", pa.int64()),
    ]
)
_ROWS_AT_ONCE = 1024
# What makes a spreadsheet take a cell for a formula (OWASP, CSV Injection).
_FORMULA = "^[=+@\\t\\r-]"


def write_predictions(
    file: Path, examples: Examples, probabilities: np.ndarray, objective: Objective
) -> None:
    """Write one row per example; `probabilities` are what `predict` gives for its inputs.

    Columns: `row` (number in its dataset, from 1), `text` (null for an image), `label`,
    `predicted`, `probability_of_label` (of what is true), `confidence` (the probability of what is
    predicted; both are the geometric mean over several labels or words), and `probabilities`, a
    list. Of tagged sentences also `words`; `label` and `predicted` are then lists of tags, and
    `probabilities` those of the predicted tags. Of several labels they are lists as well.
    """
    answers, inputs = objective.row_answers(probabilities, examples.targets), examples.inputs
    lengths = [len(words) for words in inputs] if objective.per_word else None
    predicted = predicted_targets(probabilities, objective, lengths)
    texts = [None] * len(examples) if isinstance(inputs, np.ndarray) else texts_of(examples.inputs)
    columns = {
        "row": pa.array(examples.rows, pa.int64()),
        "text": pa.array(texts, pa.string()),
        "label": names_column(answers.truth),
        "predicted": names_column(answers.predicted),
        "probability_of_label": pa.array(answers.probability, pa.float32()),
        "confidence": pa.array(
            objective.row_answers(probabilities, predicted).probability, pa.float32()
        ),
        "probabilities": pa.array(answers.probabilities, pa.list_(pa.float32())),
    }
    if objective.per_word:
        columns["words"] = pa.array(list(map(list, examples.inputs)), pa.list_(pa.string()))
    pq.write_table(pa.table(columns), file, compression="zstd")


def read_predictions(
    file: Path, order: RowOrder = "worst", offset: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Rows as dicts of the columns; `worst` first is by ascending probability of the true label.

    Rows of equal probability come by row number, so that pages never overlap.
    """
    table = pq.read_table(file)
    keys: dict[RowOrder, list[tuple[str, str]]] = {
        "worst": [("probability_of_label", "ascending"), ("row", "ascending")],
        "best": [("probability_of_label", "descending"), ("row", "ascending")],
        "row": [("row", "ascending")],
    }
    chosen = pc.sort_indices(table, sort_keys=keys[order])[offset : offset + limit]
    rows: list[dict[str, Any]] = table.take(chosen).to_pylist()
    return rows


def predicted_targets(
    probabilities: np.ndarray, objective: Objective, lengths: Sequence[int] | None = None
) -> np.ndarray:
    """What is predicted, in the form in which an objective takes what is true.

    `lengths` are the numbers of words, for an objective with an answer for each word.
    """
    if isinstance(objective, MultiLabel):
        return objective.predicted(probabilities)
    likeliest: np.ndarray = probabilities.argmax(axis=-1)
    if lengths is not None:
        likeliest[np.arange(likeliest.shape[1]) >= np.array(lengths)[:, None]] = NO_WORD
    return likeliest


def names_column(names: list[Any]) -> pa.Array:
    """A column of labels, or of lists of labels."""
    lists = any(isinstance(name, list) for name in names)
    return pa.array(names, pa.list_(pa.string()) if lists else pa.string())


def results_table(
    rows: PredictionRows,
    probabilities: np.ndarray,
    truncated: Sequence[bool],
    objective: Objective,
    metadata: dict[str, Any],
    windows: Sequence[int] | None = None,
) -> pa.Table:
    """One row for each row of `rows`; `probabilities` as the objective has them.

    Columns: `row`, `text` (not of images), `label` (what is true, where the dataset says so),
    `predicted`, `confidence` (the probability of what is predicted; the geometric mean over several
    labels or words), `probabilities`, a list in the order of the model's labels, and of texts
    `truncated`: whether the model read only part of it, and `windows`, where they are given: in how
    many it was read. Of tagged sentences also `words` and `entities`; `label` and `predicted` are
    then lists of tags, and `probabilities` those of the predicted tags. Of several labels they are
    lists as well. `metadata` is kept in the file beside the table.
    """
    lengths = [len(words) for words in rows.inputs] if objective.per_word else None
    predicted = predicted_targets(probabilities, objective, lengths)
    answers = objective.row_answers(probabilities, predicted)
    columns: dict[str, Any] = {"row": pa.array(rows.numbers, pa.int64())}
    if rows.texts is not None:
        columns["text"] = pa.array(rows.texts, pa.string())
    if objective.per_word:
        columns["words"] = pa.array(list(map(list, rows.inputs)), pa.list_(pa.string()))
    if rows.truth is not None:
        columns["label"] = names_column(rows.truth)
    columns["predicted"] = names_column(answers.predicted)
    columns["confidence"] = pa.array(answers.probability, pa.float32())
    columns["probabilities"] = pa.array(answers.probabilities, pa.list_(pa.float32()))
    if rows.texts is not None and not objective.per_word:
        columns["truncated"] = pa.array(truncated, pa.bool_())
        if windows is not None:
            columns["windows"] = pa.array(windows, pa.int64())
    if isinstance(objective, Tagging):
        found = _entities(objective, predicted, rows)
        columns["entities"] = pa.array(found, pa.list_(_ENTITY))
    return pa.table(columns).replace_schema_metadata({_METADATA_KEY: json.dumps(metadata).encode()})


def read_results_metadata(file: Path) -> dict[str, Any] | None:
    """What was kept beside the table in `file`; None for another file, or half of one."""
    try:
        found: dict[str, Any] = json.loads((pq.read_schema(file).metadata or {})[_METADATA_KEY])
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return None
    return found


def write_results(file: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of one kind one after the other; at least one, of which only one is in memory.

    Equal tables give equal bytes.
    """
    remaining = iter(tables)
    first = next(remaining)
    with pq.ParquetWriter(file, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for table in remaining:
            writer.write_table(table)


def _entities(objective: Tagging, predicted: np.ndarray, rows: PredictionRows) -> list[list[Any]]:
    found: list[list[Any]] = [[] for _ in rows.numbers]
    for sentence, first, last, kind in objective.scheme.entities(predicted).tolist():
        text = " ".join(rows.inputs[sentence][first : last + 1])
        found[sentence].append(
            {
                "type": objective.scheme.types[kind],
                "text": text,
                "first_word": first,
                "last_word": last,
            }
        )
    return found


def iter_json_lines(file: Path) -> Iterator[bytes]:
    """One object for each row, with the columns as its keys; probabilities by their labels."""
    for table, labels in _batches(file):
        rows = [_name_probabilities(row, labels) for row in table.to_pylist()]
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        yield ("\n".join(lines) + "\n").encode()


def iter_csv(file: Path, exact: bool = False) -> Iterator[bytes]:
    """A header and the rows; lists are JSON in a cell, each label has a column of probabilities.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, by which the
    spreadsheet shows it as it is; with `exact` it does not.
    """
    header = True
    for table, labels in _batches(file):
        buffer = io.BytesIO()
        flat = _flatten_columns(table, labels, (lambda text: text) if exact else _escape_formulas)
        pa_csv.write_csv(flat, buffer, pa_csv.WriteOptions(include_header=header))
        header = False
        yield buffer.getvalue()


def _batches(file: Path) -> Iterator[tuple[pa.Table, list[str] | None]]:
    """Tables, and the labels of their probabilities where each row has one for every label."""
    metadata = read_results_metadata(file) or {}
    parquet = pq.ParquetFile(file)
    labels = None if "words" in parquet.schema_arrow.names else metadata["labels"]
    for batch in parquet.iter_batches(_ROWS_AT_ONCE):
        yield _round_probabilities(pa.table(batch)), labels


def _round_probabilities(table: pa.Table) -> pa.Table:
    """Single precision as the shortest decimal numbers that mean it: 0.93, not 0.9300000071."""
    for name in ("confidence", "probabilities"):
        column = table[name].combine_chunks()
        if pa.types.is_list(column.type):
            column = pa.ListArray.from_arrays(column.offsets, _shortest_decimals(column.values))
        else:
            column = _shortest_decimals(column)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _shortest_decimals(numbers: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(numbers, pa.string()), pa.float64())


def _name_probabilities(row: dict[str, Any], labels: list[str] | None) -> dict[str, Any]:
    if labels is None:
        return row
    return row | {"probabilities": dict(zip(labels, row["probabilities"], strict=True))}


def _flatten_columns(
    table: pa.Table, labels: list[str] | None, text: Callable[[pa.Array], pa.Array]
) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in table.schema.names:
        column = table[name].combine_chunks()
        if name == "probabilities" and labels is not None:
            for position, label in enumerate(labels):
                columns[f"probability:{label}"] = pc.list_element(column, position)
        elif pa.types.is_list(column.type):
            cells = [json.dumps(cell, ensure_ascii=False) for cell in column.to_pylist()]
            columns[name] = pa.array(cells, pa.string())
        else:
            columns[name] = text(column) if pa.types.is_string(column.type) else column
    return pa.table(columns)


def _escape_formulas(text: pa.Array) -> pa.Array:
    marked = pc.binary_join_element_wise("'", text, "")
    return pc.if_else(pc.match_substring_regex(text, _FORMULA), marked, text)
