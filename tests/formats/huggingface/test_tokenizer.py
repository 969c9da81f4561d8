"""Texts become the tokens that plain `AutoTokenizer` makes of them, whatever the files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, BertConfig

from app.domain.errors import RejectedFile
from app.formats.huggingface.layout import Layout
from app.formats.huggingface.tokenizer import TextTokenizer, TokenizerFiles
from tests.support.tokenizers import FAMILIES, a_family_tokenizer

_SEEN = ["wake me up at seven", "Ça été déjà vu", "играй песню сейчас", "the U.S. dollars"]
_TEXTS = [*_SEEN, "WAKE Me", "ÉTÉ", "東京 は日本", " two  spaces ", "don't-stop", "[MASK] <mask>"]


def a_directory(folder: Path, family: str, **changed: Any) -> Layout:
    """A directory with the family's tokenizer, whose `tokenizer_config.json` is `changed` later."""
    a_family_tokenizer(family, _SEEN, model_max_length=64).save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    described = json.loads(file.read_text(encoding="utf-8")) | changed
    file.write_text(json.dumps({k: v for k, v in described.items() if v is not None}))
    config = BertConfig().to_dict() | {"model_type": "bert", "max_position_embeddings": 64}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return Layout(folder, config, "BertModel", None)  # type: ignore[arg-type]


def assert_alike(layout: Layout) -> None:
    """The same ids as transformers, one text at a time."""
    tokens, expected = (
        TextTokenizer(layout, "", ["input_ids"]),
        AutoTokenizer.from_pretrained(layout.folder),
    )
    for text in _TEXTS:
        [ours] = tokens.encode([text])
        assert ours.ids[: sum(ours.attention_mask)] == expected(text)["input_ids"], text


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_cut_as_transformers_cuts_it(family: str, tmp_path: Path) -> None:
    assert_alike(a_directory(tmp_path / "model", family))


@pytest.mark.parametrize(
    ("family", "changed"),
    [
        ("bert", {"do_lower_case": False}),
        ("bert", {"do_lower_case": True, "strip_accents": False}),
        ("bert", {"do_lower_case": False, "strip_accents": True}),
        ("bert", {"tokenize_chinese_chars": False}),
        ("bert", {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False}),
        ("bert", {"tokenizer_class": None, "do_lower_case": False}),
        ("albert", {"do_lower_case": False, "keep_accents": True}),
        ("deberta-v2", {"do_lower_case": True}),
        ("deberta-v2", {"split_by_punct": True}),
        ("roberta", {"add_prefix_space": True}),
        ("sentencepiece-bpe", {"add_bos_token": False}),
        ("sentencepiece-bpe", {"add_eos_token": True}),
    ],
)
def test_settings_that_differ_from_the_tokenizer_file_count(
    family: str, changed: dict[str, Any], tmp_path: Path
) -> None:
    assert_alike(a_directory(tmp_path / "model", family, **changed))


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_a_changed_tokenizer_is_read_by_transformers_as_it_was_used(
    family: str, tmp_path: Path
) -> None:
    """The class that is named would set up another one from its vocabulary."""
    layout = a_directory(tmp_path / "model", family)
    other = a_family_tokenizer("sentencepiece-bpe", _SEEN).backend_tokenizer
    renamed = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>"}
    renamed |= {"[MASK]": "<unk>", "<mask>": "<unk>"}
    made = tmp_path / "made"
    made.mkdir()
    TokenizerFiles(layout.folder).changed(other, renamed).write(made)
    (made / "config.json").write_text(json.dumps(layout.config), encoding="utf-8")
    expected = AutoTokenizer.from_pretrained(made)
    assert [expected(text)["input_ids"] for text in _TEXTS] == [
        one.ids for one in (other.encode(text) for text in _TEXTS)
    ]
    assert_alike(Layout(made, layout.config, "BertModel", layout.task))


def test_a_tokenizer_class_of_python_alone_is_refused(tmp_path: Path) -> None:
    layout = a_directory(tmp_path / "model", "bert", tokenizer_class="ByT5Tokenizer")
    with pytest.raises(RejectedFile) as caught:
        TextTokenizer(layout, "", ["input_ids"])
    assert caught.value.code == "model-file-invalid"
    assert "ByT5Tokenizer" in str(caught.value.message)
