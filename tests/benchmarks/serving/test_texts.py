"""The texts that are sent, and how each server is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.serving.dialects import LITSERVE, MLSERVER, OURS, Dialect
from benchmarks.serving.texts import mixed_texts


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for language, sentence in (
        ("eng_Latn", "a dog ran over the old bridge"),
        ("jpn_Jpan", "犬" * 40),
    ):
        (tmp_path / language).mkdir()
        for part in ("train", "dev", "test"):
            rows = [f"{n}\tnature\t{sentence} {n}" for n in range(5)]
            text = "\n".join(["index_id\tcategory\ttext", *rows])
            (tmp_path / language / f"{part}.tsv").write_text(text, encoding="utf-8")
    return tmp_path


def test_texts_are_of_mixed_lengths_and_the_same_for_the_same_seed(data: Path) -> None:
    texts = mixed_texts(data, 400)
    assert texts == mixed_texts(data, 400) != mixed_texts(data, 400, seed=1)
    english = [len(text.split()) for text in texts if text.isascii()]
    assert min(english) <= 6 < 8 in english
    assert max(english) == 5 * 8
    assert all(text.strip() and "\n" not in text for text in texts)


@pytest.mark.parametrize("dialect", [OURS, LITSERVE, MLSERVER])
def test_a_request_is_one_line_that_holds_the_text(dialect: Dialect) -> None:
    line = dialect.encoded('Ein "Satz"\nmit Umbruch')
    assert "\n" not in line
    assert 'Ein "Satz"\nmit Umbruch' in str(json.loads(line)).replace("\\n", "\n")


def test_answers_of_all_servers_are_read_alike() -> None:
    probabilities = {"nature": 0.75, "travel": 0.25}
    row = {"label": "nature", "probabilities": probabilities}
    tensor = {"name": "probabilities", "data": [0.75, 0.25]}
    tensor |= {"parameters": {"labels": "nature,travel"}}
    assert OURS.read({"predictions": [row]}) == probabilities
    assert LITSERVE.read(row) == probabilities
    assert MLSERVER.read({"outputs": [{"name": "label"}, tensor]}) == probabilities
