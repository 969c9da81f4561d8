"""What models are counted at is what they were measured to hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models

from app.runtimes.resources import (
    ONNXRUNTIME_MEMORY,
    OPENVINO_MEMORY,
    TORCH_MEMORY,
    ByThreadCount,
    tokenizer_bytes,
)

_RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "resident_memory.json"


def test_models_are_counted_at_what_they_were_measured_to_hold() -> None:
    measured = json.loads(_RESULTS.read_text())["models"]
    assert {one["engine"] for one in measured} == {"torch", "onnxruntime", "openvino"}
    for one in measured:
        ratio = one["counted_mib"] / one["held_mib"]
        assert 0.8 < ratio < 1.25, one


def test_an_engine_that_is_opened_twice_holds_its_weights_twice() -> None:
    opened = ByThreadCount(lambda threads: threads)
    assert opened.openings == 1
    opened.get(1)
    assert opened.openings == 1
    opened.get(2)
    assert opened.openings == 2
    mib = 2**20
    for held in (
        ONNXRUNTIME_MEMORY["float32"],
        OPENVINO_MEMORY["bfloat16"],
        OPENVINO_MEMORY["float32"],
    ):
        assert held.bytes(100 * mib, 2) - held.bytes(100 * mib, 1) > 100 * mib
    assert TORCH_MEMORY.bytes(100 * mib) < 120 * mib


@pytest.mark.parametrize(
    ("model", "most"),
    [
        (models.Unigram([("<unk>", 0.0), ("a", -1.0)], 0, False), 1200),
        (models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"), 320),
        (models.BPE({"a": 0, "b": 1}, []), 400),
        (models.WordLevel({"a": 0, "b": 1}, unk_token="a"), 1200),
    ],
)
def test_a_tokenizer_counts_by_its_tokens_and_not_by_its_file(
    model: models.Model, most: int
) -> None:
    assert tokenizer_bytes(Tokenizer(model)) == 2 * most
