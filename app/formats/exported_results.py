"""The results of a batch prediction as lines of JSON or CSV, a piece at a time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from app.formats.batch_results import about_results

_ROWS_AT_ONCE = 1024
# What makes a spreadsheet take a cell for a formula (OWASP, CSV Injection).
_FORMULA = "^[=+@\\t\\r-]"


def json_lines(file: Path) -> Iterator[bytes]:
    """One object for each row, with the columns as its keys; probabilities by their labels."""
    for table, labels in _pieces(file):
        rows = [_by_label(row, labels) for row in table.to_pylist()]
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        yield ("\n".join(lines) + "\n").encode()


def csv(file: Path, exact: bool = False) -> Iterator[bytes]:
    """A header and the rows; lists are JSON in a cell, each label has a column of probabilities.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, by which the
    spreadsheet shows it as it is; with `exact` it does not.
    """
    header = True
    for table, labels in _pieces(file):
        written = io.BytesIO()
        flat = _flat(table, labels, (lambda text: text) if exact else _harmless)
        pa_csv.write_csv(flat, written, pa_csv.WriteOptions(include_header=header))
        header = False
        yield written.getvalue()


def _pieces(file: Path) -> Iterator[tuple[pa.Table, list[str] | None]]:
    """Tables, and the labels of their probabilities where each row has one for every label."""
    about = about_results(file) or {}
    opened = pq.ParquetFile(file)
    labels = None if "words" in opened.schema_arrow.names else about["labels"]
    for batch in opened.iter_batches(_ROWS_AT_ONCE):
        yield _shortened(pa.table(batch)), labels


def _shortened(table: pa.Table) -> pa.Table:
    """Single precision as the shortest decimal numbers that mean it: 0.93, not 0.9300000071."""
    for name in ("confidence", "probabilities"):
        column = table[name].combine_chunks()
        if pa.types.is_list(column.type):
            column = pa.ListArray.from_arrays(column.offsets, _short(column.values))
        else:
            column = _short(column)
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def _short(numbers: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(numbers, pa.string()), pa.float64())


def _by_label(row: dict[str, Any], labels: list[str] | None) -> dict[str, Any]:
    if labels is None:
        return row
    return row | {"probabilities": dict(zip(labels, row["probabilities"], strict=True))}


def _flat(
    table: pa.Table, labels: list[str] | None, text: Callable[[pa.Array], pa.Array]
) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in table.schema.names:
        column = table[name].combine_chunks()
        if name == "probabilities" and labels is not None:
            for place, label in enumerate(labels):
                columns[f"probability:{label}"] = pc.list_element(column, place)
        elif pa.types.is_list(column.type):
            cells = [json.dumps(cell, ensure_ascii=False) for cell in column.to_pylist()]
            columns[name] = pa.array(cells, pa.string())
        else:
            columns[name] = text(column) if pa.types.is_string(column.type) else column
    return pa.table(columns)


def _harmless(text: pa.Array) -> pa.Array:
    marked = pc.binary_join_element_wise("'", text, "")
    return pc.if_else(pc.match_substring_regex(text, _FORMULA), marked, text)
