"""Tagged words: from the files people have to the canonical table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.domain.errors import RejectedFile
from app.formats.read_dataset import read_dataset
from app.formats.tables.canonical import TaggedRow, read_tagged_rows

CONLL = """-DOCSTART- -X- O O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

# group = visits
Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER
"""


def _read(file: Path, content: str | bytes, **hints: Any) -> tuple[dict[str, Any], list[TaggedRow]]:
    data = content.encode() if isinstance(content, str) else content
    file.write_bytes(data)
    canonical = file.with_suffix(".canonical")
    facts = read_dataset(str(file), file.name, hints, "en", str(canonical), 10**8, 100)
    return facts, list(read_tagged_rows(canonical))


def _jsonl(*rows: dict[str, Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def test_a_conll_file_gives_sentences_with_the_last_column_as_tags(tmp_path: Path) -> None:
    facts, rows = _read(tmp_path / "eng.conll", CONLL)
    assert facts["kind"] == "tokens"
    assert rows == [
        TaggedRow(1, ["EU", "rejects", "German"], ["B-ORG", "O", "B-MISC"], "EU rejects German"),
        TaggedRow(2, ["Peter", "Blackburn"], ["B-PER", "I-PER"], "Peter Blackburn", "visits"),
    ]
    assert facts["labels"] == ["O", "B-MISC", "I-MISC", "B-ORG", "I-ORG", "B-PER", "I-PER"]
    assert facts["grouped"]
    report = facts["report"]
    assert report["entities"] == {"MISC": 1, "ORG": 1, "PER": 1}
    assert report["scheme"] == {"found": "BIO", "rewritten": 0}
    assert report["words"] == 5
    assert report["lengths"]["words"]["max"] == 3


def test_another_column_of_tags_is_read_where_it_is_named(tmp_path: Path) -> None:
    facts, rows = _read(tmp_path / "eng.txt", CONLL, kind="tokens", label="2")
    assert rows[0].tags == ["NNP", "VBZ", "JJ"]
    assert facts["labels"] == ["JJ", "NNP", "VBZ"]
    assert facts["report"]["scheme"]["found"] == "plain"
    with pytest.raises(RejectedFile, match="no column `9`"):
        _read(tmp_path / "eng.conll", CONLL, label="9")


def test_a_tsv_of_tagged_words_needs_no_header(tmp_path: Path) -> None:
    _, rows = _read(tmp_path / "a.tsv", "New York\tB-LOC\n#\tO\n\nis\tO\n", kind="tokens")
    assert [row.words for row in rows] == [["New York", "#"], ["is"]]


def test_conllu_leaves_ranges_and_empty_nodes_out(tmp_path: Path) -> None:
    rest = "\t_" * 6
    lines = [
        "# sent_id = fr-1",
        f"1-2\tdu\t_\t_{rest}",
        f"1\tde\tde\tADP{rest}",
        f"2\tle\tle\tDET{rest}",
        f"2.1\tx\tx\tNOUN{rest}",
    ]
    facts, rows = _read(tmp_path / "fr.conllu", "\n".join(lines) + "\n")
    assert rows == [TaggedRow(1, ["de", "le"], ["ADP", "DET"], "de le")]
    assert any("`group` set to `sent_id`" in note for note in facts["report"]["notes"])
    assert facts["report"]["format"] == "conllu"


def test_conll_takes_the_comment_that_the_user_names_for_the_group(tmp_path: Path) -> None:
    content = "# doc_id = d1\n# group = g1\nNew\tO\n\n# doc_id = d1\nYork\tB-LOC\n"
    for name, groups in ((None, ["g1", None]), ("doc_id", ["d1", "d1"]), ("", [None, None])):
        _, rows = _read(tmp_path / "a.conll", content, group=name)
        assert [row.group for row in rows] == groups
    with pytest.raises(RejectedFile, match="no column `sent_id`"):
        _read(tmp_path / "a.conll", content, group="sent_id")


def test_the_id_of_a_document_holds_for_all_its_sentences(tmp_path: Path) -> None:
    marks = ["# newdoc id = a", "# sent_id = 2", "# newdoc id = b", "# newpar", "# newdoc"]
    content = "".join(f"{mark}\nword\tO\n\n" for mark in marks)
    _, rows = _read(tmp_path / "a.conll", content, group="newdoc id")
    assert [row.group for row in rows] == ["a", "a", "b", "b", None]


def test_json_lines_and_parquet_are_recognised_by_their_lists(tmp_path: Path) -> None:
    row = {"id": "7", "tokens": ["Lights", "on"], "ner_tags": ["B-NAME", "O"], "pos_tags": [1, 2]}
    facts, rows = _read(tmp_path / "a.jsonl", _jsonl(row))
    assert facts["kind"] == "tokens"
    assert rows == [TaggedRow(1, ["Lights", "on"], ["B-NAME", "O"], "Lights on")]
    assert any("`group` set to `id`" in note for note in facts["report"]["notes"])
    assert _read(tmp_path / "a.jsonl", _jsonl(row), group="id")[1][0].group == "7"
    tag = {"feature": {"names": ["O", "B-X", "I-X"], "_type": "ClassLabel"}, "_type": "Sequence"}
    described = json.dumps({"info": {"features": {"tags": tag}}})
    table = pa.table({"words": [["a", "b"]], "tags": [[1, 2]]})
    table = table.replace_schema_metadata({"huggingface": described})
    file = tmp_path / "a.parquet"
    pq.write_table(table, file)
    facts, rows = _read(file, file.read_bytes())
    assert rows[0].tags == ["B-X", "I-X"]


@pytest.mark.parametrize(
    ("found", "expected", "scheme"),
    [
        (["I-A", "I-A", "B-A", "O", "I-B"], ["B-A", "I-A", "B-A", "O", "B-B"], "IOB1"),
        (["S-A", "B-B", "I-B", "E-B", "O"], ["B-A", "B-B", "I-B", "I-B", "O"], "BIOES"),
        (["U-A", "B-B", "I-B", "L-B", "O"], ["B-A", "B-B", "I-B", "I-B", "O"], "BIOES"),
        (["B-A", "B-A", "I-A", "O", "B-B"], ["B-A", "B-A", "I-A", "O", "B-B"], "BIO"),
    ],
)
def test_other_schemes_become_bio_and_are_counted(
    tmp_path: Path, found: list[str], expected: list[str], scheme: str
) -> None:
    facts, rows = _read(tmp_path / "a.jsonl", _jsonl({"tokens": list("abcde"), "tags": found}))
    assert rows[0].tags == expected
    changed = sum(one != other for one, other in zip(found, expected, strict=True))
    assert facts["report"]["scheme"] == {"found": scheme, "rewritten": changed}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"tokens": ["a", "b"], "tags": ["O"]}, "2 word(s) have 1 tag(s)"),
        ({"tokens": ["a", "b"], "tags": ["B-X", "I-Y"]}, "word 2 has `I-Y` after `B-X`"),
        ({"tokens": ["a", "b"], "tags": ["I-X", "O"]}, "word 1 has `I-X` after the start"),
        ({"tokens": ["a", "b"], "tags": ["NOUN", "O"]}, "the tag `NOUN` of word 1"),
        ({"tokens": ["a", ""], "tags": ["O", "O"]}, "a word or tag is empty"),
        ({"tokens": ["a", "b"], "tags": [0, 3]}, "a tag is a number"),
        ({"tokens": "a b", "tags": ["O", "O"]}, "a list of words or tags should stand there"),
    ],
)
def test_a_sentence_that_cannot_be_right_is_refused_with_its_row(
    tmp_path: Path, row: dict[str, Any], told: str
) -> None:
    good = {"tokens": ["c", "d"], "tags": ["B-X", "I-X"]}
    with pytest.raises(RejectedFile) as caught:
        _read(tmp_path / "a.jsonl", _jsonl(good, row))
    assert told in caught.value.message
    assert caught.value.fields["row"] == 2


def test_a_line_with_other_columns_is_refused_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile, match="line 3 has 1 column"):
        _read(tmp_path / "a.conll", "a O\n\nb\n")


def test_a_file_without_sentences_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RejectedFile) as caught:
        _read(tmp_path / "a.conll", "\n\n")
    assert caught.value.code == "no-usable-rows"
