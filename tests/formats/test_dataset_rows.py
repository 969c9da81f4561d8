"""From canonical files to examples, previews and fertility."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind
from app.domain.errors.transfers import LabelUnknownToModel, TokenizerMissing
from app.domain.models import TextInput
from app.formats.dataset_rows import load_examples, preview_dataset
from app.formats.images.pixels import ImageRows, write_image_rows
from app.formats.tables.canonical import TextRow, read_column, write_text_rows
from app.formats.token_fertility import token_fertility, truncation_sentence
from tests.support.models import a_text_classifier

TEXTS = DatasetFacts(DatasetKind.LABELLED, rows=3, labels=("a", "b"), grouped=True)
IMAGES = DatasetFacts(
    DatasetKind.IMAGES, rows=4, labels=("0", "1"), grouped=False, image_shape=(3, 2, 5)
)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    rows = [
        TextRow(1, "eins zwei", "b", "g1"),
        TextRow(3, "drei", "a", None),
        TextRow(4, "新しい", "b", "g2"),
    ]
    write_text_rows(rows, tmp_path / "texts")
    return tmp_path / "texts"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 2, 5), dtype=np.uint8)
    write_image_rows(ImageRows(pixels, np.array([1, 0, 1, 0]), ("0", "1")), tmp_path / "images")
    return tmp_path / "images"


def test_targets_are_positions_in_the_labels_of_the_model(texts: Path) -> None:
    examples = load_examples(texts, TEXTS, labels=("x", "b", "a"))
    assert examples.inputs == ["eins zwei", "drei", "新しい"]
    assert list(examples.targets) == [1, 2, 1]
    assert list(examples.rows) == [1, 3, 4]
    assert examples.groups == ("g1", "", "g2")


def test_image_targets_are_positions_in_the_labels_of_the_model(images: Path) -> None:
    examples = load_examples(images, IMAGES, labels=("1", "0"))
    assert isinstance(examples.inputs, np.ndarray)
    assert examples.inputs.shape == (4, 3, 2, 5)
    assert list(examples.targets) == [0, 1, 0, 1]
    assert list(examples.rows) == [1, 2, 3, 4]
    assert examples.groups is None


def test_a_label_that_the_model_does_not_know_is_named_with_its_first_row(texts: Path) -> None:
    with pytest.raises(LabelUnknownToModel) as refused:
        load_examples(texts, TEXTS, labels=("b",))
    assert refused.value.fields["labels"] == {"a": 3}
    assert "`a` (row 3)" in refused.value.message


def test_a_preview_shows_the_rows_asked_for(texts: Path) -> None:
    assert preview_dataset(texts, TEXTS, offset=1, limit=1) == [
        {"row": 3, "text": "drei", "label": "a", "group": None}
    ]
    assert preview_dataset(texts, TEXTS, offset=9, limit=5) == []


def test_a_preview_of_images_holds_the_pixels_as_png(images: Path) -> None:
    shown = preview_dataset(images, IMAGES, offset=2, limit=10)
    assert [(row["row"], row["label"]) for row in shown] == [(3, "1"), (4, "0")]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown[0]["image"]))))
    original = load_examples(images, IMAGES, ("0", "1")).inputs[2]
    assert np.array_equal(pixels.transpose(2, 0, 1), original)
    assert preview_dataset(images, IMAGES, offset=4, limit=10) == []
    assert preview_dataset(images, IMAGES, offset=40, limit=10) == []


def test_texts_longer_than_a_model_reads_are_reported_with_what_they_lose(tmp_path: Path) -> None:
    a_text_classifier(tmp_path, texts=["word"] * 9)
    found = token_fertility(
        [" ".join(["word"] * 124), "word"], tmp_path, TextInput(max_tokens=64, prefix="word ")
    )
    # 64 tokens are two special ones, the prefix and 61 words.
    assert found["truncated_share"] == 0.5
    assert found["lost_share"] == pytest.approx((124 - 61) / 125, abs=0.01)
    assert "50.0% of the texts are longer than the 64 tokens" in (truncation_sentence(found) or "")
    assert truncation_sentence(found | {"truncated_share": 0.001}) is None


def test_fertility_counts_tokens_by_word_and_the_unknown_among_them(
    texts: Path, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {"[UNK]": 0, "eins": 1, "zw": 2, "##ei": 3, "drei": 4}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(1)
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    assert token_fertility(read_column(texts, "text"), tmp_path) == {
        "sampled": 3,
        "tokens_per_word": 1.25,
        "tokens_per_character": round(5 / 16, 4),
        "unknown_share": 0.2,
    }


def test_fertility_without_a_tokenizer_is_refused(texts: Path, tmp_path: Path) -> None:
    with pytest.raises(TokenizerMissing):
        token_fertility(read_column(texts, "text"), tmp_path)
