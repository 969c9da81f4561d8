"""The rows of masked-language training."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.learn.data.examples import texts_of
from app.methods.vocabulary.masked_language_modeling import MaskedNetwork, MaskedTexts, Masking
from tests.support.ciphers import english
from tests.support.tokenizers import a_classifier_reading, a_tokenizer

COPIES = 4
TEXTS = texts_of(english().inputs)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> MaskedNetwork:
    folder: Path = tmp_path_factory.mktemp("models") / "plain"
    a_classifier_reading(folder, a_tokenizer("wordpiece", TEXTS))
    form = HuggingFaceFormat()
    network = form.load(folder, form.inspect(folder, ModelHints()))
    return MaskedNetwork(network, network.get_parameter(_embedding_name(network)))


def _embedding_name(network: object) -> str:
    names = [name for name, _ in network.named_parameters()]  # type: ignore[attr-defined]
    return next(name for name in names if "word_embeddings" in name)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, len(TEXTS)), size=st.integers(1, 24), seed=st.integers(0, 999))
def test_a_text_is_once_in_a_batch_and_hidden_otherwise_in_the_next_epoch(
    masked: MaskedNetwork, count: int, size: int, seed: int
) -> None:
    hidden, rng = Masking(4, {0, 1, 2, 3}, 0.15), np.random.default_rng(seed)
    rows = MaskedTexts(masked, TEXTS[:count], hidden, COPIES, rng)
    drawn = list(islice(rows.order(size, rng), COPIES * count))
    for batch in drawn:
        assert len(np.unique(batch % count)) == len(batch)
    every = np.concatenate(drawn)[: COPIES * count]
    assert sorted(every) == [*range(COPIES * count)]
