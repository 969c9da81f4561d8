"""Sentence pairs, word pairs and texts without labels, from every file they come in."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.domain.datasets import DatasetHints
from app.domain.enums import DatasetKind
from app.domain.errors import RejectedFile
from app.formats.dataset_rows import preview_dataset
from app.formats.read_dataset import read_dataset
from app.formats.tables.canonical import PairRow, read_pair_rows, read_unlabelled_rows

PAIRS = [("the house", "das Haus"), ("a tree", "ein Baum"), ("good night", "gute Nacht")]


def _read(file: Path, **hints: Any) -> tuple[dict[str, Any], Path]:
    canonical = file.parent / "canonical.parquet"
    facts = read_dataset(
        upload=str(file),
        filename=file.name,
        hints=asdict(DatasetHints(**hints)),
        language="de",
        canonical=str(canonical),
        max_bytes=10**8,
        max_members=1000,
    )
    return facts, canonical


def _refusal(file: Path, **hints: Any) -> RejectedFile:
    with pytest.raises(RejectedFile) as refused:
        _read(file, **hints)
    assert refused.value.advice
    return refused.value


def _write(file: Path, content: str) -> Path:
    file.write_text(content, encoding="utf-8")
    return file


def _zip(file: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.txt", "the house\tdas Haus\na tree\tein Baum\n\ngood night\tgute Nacht\n"),
        ("p.csv", "source,target\nthe house,das Haus\na tree,ein Baum\n,\ngood night,gute Nacht\n"),
        ("p.tsv", "de\tsrc\ndas Haus\tthe house\nein Baum\ta tree\n\t\ngute Nacht\tgood night\n"),
    ],
)
def test_sentence_pairs_are_read_from_lines_and_tables(
    tmp_path: Path, name: str, content: str
) -> None:
    target = "de" if name == "p.tsv" else None
    facts, canonical = _read(
        _write(tmp_path / name, content), kind=DatasetKind.PARALLEL, target=target
    )
    rows = list(read_pair_rows(canonical))
    assert [(row.source, row.target) for row in rows] == PAIRS
    assert [row.row for row in rows] == [1, 2, 4]
    assert (facts["kind"], facts["rows"], facts["report"]["empty"]) == ("parallel", 3, {"pairs": 1})


def test_two_files_of_an_archive_are_read_line_by_line(tmp_path: Path) -> None:
    files = {
        f"text.{code}": "\n".join(pair[i] for pair in PAIRS) for i, code in ((0, "en"), (1, "de"))
    }
    _, canonical = _read(_zip(tmp_path / "p.zip", files), kind=DatasetKind.PARALLEL)
    assert [(row.source, row.target) for row in read_pair_rows(canonical)] == PAIRS


def test_parallel_files_of_different_lengths_are_refused_with_both_lengths(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "p.zip", {"text.en": "a\nb\nc\n", "text.de": "a\nb\n"})
    refused = _refusal(archive, kind=DatasetKind.PARALLEL)
    assert refused.code == "parallel-lengths-differ"
    assert (refused.fields["source_lines"], refused.fields["target_lines"]) == (3, 2)


@pytest.mark.parametrize("names", [("a.txt", "b.txt"), ("a.de", "b.de"), ("a.de", "b.en", "c.fr")])
def test_an_archive_in_which_no_file_is_clearly_the_target_is_refused(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    archive = _zip(tmp_path / "p.zip", dict.fromkeys(names, "x\n"))
    assert _refusal(archive, kind=DatasetKind.PARALLEL).code == "parallel-files-unclear"


def test_word_pairs_may_be_divided_by_spaces(tmp_path: Path) -> None:
    file = _write(tmp_path / "d.txt", "house Haus\ntree\tBaum\nhouse Heim\n")
    facts, canonical = _read(file, kind=DatasetKind.DICTIONARY)
    assert list(read_pair_rows(canonical)) == [
        PairRow(1, "house", "Haus"),
        PairRow(2, "tree", "Baum"),
        PairRow(3, "house", "Heim"),
    ]
    assert facts["report"]["source_words"] == 2


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    file = _write(tmp_path / "d.txt", "house Haus\nice cream Eis\n")
    refused = _refusal(file, kind=DatasetKind.DICTIONARY)
    assert (refused.code, refused.fields["row"]) == ("row-malformed", 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.txt", 'Ein Satz, mit Komma\n\n"Zitat"\n'),
        ("t.csv", 'text,other\n"Ein Satz, mit Komma",1\n,2\n"""Zitat""",3\n'),
        ("t.jsonl", '{"text": "Ein Satz, mit Komma"}\n{}\n{"text": "\\"Zitat\\""}\n'),
    ],
)
def test_texts_without_labels_are_read_from_lines_and_tables(
    tmp_path: Path, name: str, content: str
) -> None:
    facts, canonical = _read(_write(tmp_path / name, content), kind=DatasetKind.UNLABELLED)
    rows = list(read_unlabelled_rows(canonical))
    assert [(row.row, row.text) for row in rows] == [(1, "Ein Satz, mit Komma"), (3, '"Zitat"')]
    assert (facts["kind"], facts["labels"], facts["report"]["rows"]) == ("unlabelled", [], 3)


def test_texts_without_labels_are_shown_in_the_preview(tmp_path: Path) -> None:
    from app.domain.datasets import DatasetFacts

    _, canonical = _read(_write(tmp_path / "t.txt", "eins\nzwei\n"), kind=DatasetKind.UNLABELLED)
    facts = DatasetFacts(DatasetKind.UNLABELLED, 2, (), False)
    assert preview_dataset(canonical, facts, 1, 5) == [{"row": 2, "text": "zwei"}]


def test_both_columns_of_pairs_are_asked_for_at_once(tmp_path: Path) -> None:
    file = _write(tmp_path / "t.csv", "Deutsch,Englisch\nja,yes\n")
    refused = _refusal(file, kind=DatasetKind.PARALLEL)
    assert refused.fields["missing"] == ["source", "target"]
    assert "`-F source=Deutsch -F target=Englisch`" in refused.advice
    assert "unlabelled" not in refused.advice


def test_a_file_without_labels_says_how_to_send_it(tmp_path: Path) -> None:
    refused = _refusal(_write(tmp_path / "t.csv", "text,length\nEin Satz,3\n"))
    assert refused.code == "column-missing"
    assert "unlabelled" in refused.advice
