"""The results of batch predictions as tables, and in the three formats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.domain.enums import Task
from app.formats import prediction_tables
from app.formats.dataset_rows import PredictionRows
from app.formats.prediction_tables import read_results_metadata, results_table, write_results
from app.learn.tasks.contract import objective_for

_TAGS = ("O", "B-PER", "I-PER", "B-LOC")
# Numbers of single precision whose doubles have long tails, and what a spreadsheet would execute.
_LIKELY = np.array([[0.93, 0.07], [0.2, 0.8], [0.5, 0.5]], dtype=np.float32)
_TEXTS = ["=HYPERLINK(0)", 'he said "no",\nand left', "plain"]


def _single(folder: Path, truth: list[Any] | None = None) -> Path:
    rows = PredictionRows([1, 2, 5], _TEXTS, _TEXTS, truth)
    return _write(folder, rows, _LIKELY, Task.TEXT_CLASSIFICATION, ("no", "yes"))


def _sets(folder: Path) -> Path:
    rows = PredictionRows([1, 2, 5], _TEXTS, _TEXTS, [["no"], [], ["no", "yes"]])
    return _write(folder, rows, _LIKELY, Task.MULTI_LABEL_CLASSIFICATION, ("no", "yes"))


def _tagged(folder: Path) -> Path:
    sentences = [("Ada", "Lovelace", "left"), ("London",)]
    probabilities = np.zeros((2, 3, 4), dtype=np.float32)
    for sentence, word, tag, p in [(0, 0, 1, 0.9), (0, 1, 2, 0.8), (0, 2, 0, 1.0), (1, 0, 3, 0.4)]:
        probabilities[sentence, word, tag] = p
    texts = [" ".join(words) for words in sentences]
    rows = PredictionRows([1, 2], sentences, texts, [["B-PER", "I-PER", "O"], ["O"]])
    return _write(folder, rows, probabilities, Task.TOKEN_CLASSIFICATION, _TAGS)


def _images(folder: Path) -> Path:
    rows = PredictionRows([1, 2, 3], np.zeros((3, 1, 2, 2), np.uint8), None, ["yes", "no", "no"])
    return _write(folder, rows, _LIKELY, Task.IMAGE_CLASSIFICATION, ("no", "yes"))


def _write(
    folder: Path, rows: PredictionRows, likely: np.ndarray, task: Task, labels: tuple[str, ...]
) -> Path:
    about = {"labels": list(labels)}
    file = folder / "results.parquet"
    truncated = [number == 2 for number in rows.numbers]
    table = results_table(rows, likely, truncated, objective_for(task, labels), about)
    write_results(file, [table])
    return file


def test_one_label_has_its_probability_as_confidence(tmp_path: Path) -> None:
    [first, second, third] = pq.read_table(_single(tmp_path)).to_pylist()
    columns = ["row", "text", "predicted", "confidence", "probabilities", "truncated"]
    assert list(first) == columns
    assert [row["truncated"] for row in (first, second, third)] == [False, True, False]
    assert (first["row"], first["text"], first["predicted"]) == (1, "=HYPERLINK(0)", "no")
    assert (second["row"], second["predicted"]) == (2, "yes")
    assert first["confidence"] == pytest.approx(0.93)
    assert third["probabilities"] == [0.5, 0.5]


def test_windows_stand_beside_texts_that_were_read_in_windows() -> None:
    objective = objective_for(Task.TEXT_CLASSIFICATION, ("no", "yes"))
    rows = PredictionRows([1, 2, 5], _TEXTS, _TEXTS, None)
    table = results_table(rows, _LIKELY, [False] * 3, objective, {}, [1, 4, 1])
    assert table.column("windows").to_pylist() == [1, 4, 1]


def test_what_is_true_stands_beside_what_is_predicted(tmp_path: Path) -> None:
    rows = pq.read_table(_single(tmp_path, ["yes", "yes", "unheard of"])).to_pylist()
    assert [(row["label"], row["predicted"]) for row in rows] == [
        ("yes", "no"),
        ("yes", "yes"),
        ("unheard of", "no"),
    ]


def test_several_labels_are_lists_and_none_is_a_list_as_well(tmp_path: Path) -> None:
    rows = pq.read_table(_sets(tmp_path)).to_pylist()
    assert [row["predicted"] for row in rows] == [["no"], ["yes"], ["no", "yes"]]
    assert [row["label"] for row in rows] == [["no"], [], ["no", "yes"]]
    assert rows[0]["confidence"] == pytest.approx(np.sqrt(0.93 * 0.93))


def test_tagged_sentences_have_a_tag_for_each_word_and_their_entities(tmp_path: Path) -> None:
    first, second = pq.read_table(_tagged(tmp_path)).to_pylist()
    assert first["words"] == ["Ada", "Lovelace", "left"]
    assert first["predicted"] == ["B-PER", "I-PER", "O"]
    assert first["probabilities"] == pytest.approx([0.9, 0.8, 1.0])
    assert first["confidence"] == pytest.approx((0.9 * 0.8) ** (1 / 3))
    ada = {"type": "PER", "text": "Ada Lovelace", "first_word": 0, "last_word": 1}
    assert first["entities"] == [ada]
    assert (second["predicted"], second["label"]) == (["B-LOC"], ["O"])
    assert [entity["text"] for entity in second["entities"]] == ["London"]


def test_images_have_no_text(tmp_path: Path) -> None:
    columns = pq.read_schema(_images(tmp_path)).names
    assert columns == ["row", "label", "predicted", "confidence", "probabilities"]


@pytest.mark.parametrize("make", [_single, _sets, _tagged, _images])
def test_the_three_formats_have_equal_content(tmp_path: Path, make: Any) -> None:
    file = make(tmp_path)
    labels = (read_results_metadata(file) or {})["labels"]
    written = b"".join(prediction_tables.iter_csv(file, exact=True)).decode()
    cells = list(csv.DictReader(io.StringIO(written)))
    lines = [
        json.loads(line) for line in b"".join(prediction_tables.iter_json_lines(file)).splitlines()
    ]
    rows = pq.read_table(file).to_pylist()
    assert len(cells) == len(lines) == len(rows)
    for row, line, cell in zip(rows, lines, cells, strict=True):
        given = line["probabilities"]
        if isinstance(given, dict):
            assert list(given) == labels
            assert [float(cell[f"probability:{label}"]) for label in labels] == list(given.values())
            line["probabilities"] = list(given.values())
        else:
            assert json.loads(cell["probabilities"]) == given
        for name in set(line) - {"probabilities"}:
            value = line[name]
            assert (
                cell[name] == value if isinstance(value, str) else json.loads(cell[name]) == value
            )
        for name in ("confidence", "probabilities"):
            assert np.array_equal(np.float32(line.pop(name)), np.float32(row.pop(name)))
        assert line == row


def test_numbers_are_as_short_as_single_precision_means_them(tmp_path: Path) -> None:
    first = json.loads(next(prediction_tables.iter_json_lines(_single(tmp_path))).splitlines()[0])
    assert first["confidence"] == 0.93
    assert first["probabilities"] == {"no": 0.93, "yes": 0.07}


@pytest.mark.parametrize("dangerous", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_takes_no_cell_for_a_formula(tmp_path: Path, dangerous: str) -> None:
    rows = PredictionRows([1, 2], [dangerous, "a=b"], [dangerous, "a=b"], [dangerous, "no"])
    file = _write(tmp_path, rows, _LIKELY[:2], Task.TEXT_CLASSIFICATION, (dangerous, "yes"))
    written = b"".join(prediction_tables.iter_csv(file)).decode()
    first, second = csv.DictReader(io.StringIO(written, newline=""))
    for name in ("text", "label", "predicted"):
        assert first[name] == f"'{dangerous}"
    assert second["text"] == "a=b"


def test_equal_tables_give_equal_bytes_and_parts_one_table(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    file, again = _sets(tmp_path), _sets(tmp_path / "other")
    assert again.read_bytes() == file.read_bytes()
    table = pq.read_table(file)
    write_results(tmp_path / "parts.parquet", [table.slice(0, 2), table.slice(2)])
    assert pq.read_table(tmp_path / "parts.parquet").equals(table)


def test_batches_make_one_file_with_one_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _sets(tmp_path)
    whole = [
        b"".join(form(file))
        for form in (prediction_tables.iter_csv, prediction_tables.iter_json_lines)
    ]
    monkeypatch.setattr(prediction_tables, "_ROWS_AT_ONCE", 2)
    pieces = [
        list(form(file)) for form in (prediction_tables.iter_csv, prediction_tables.iter_json_lines)
    ]
    assert [len(found) for found in pieces] == [2, 2]
    assert [b"".join(found) for found in pieces] == whole
