"""Builders of small tokenizers of every kind, and of classifiers that read by them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tests.support.models import INTENTS

KINDS = ("unigram", "wordpiece", "bpe-bytes", "bpe-words")
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def a_tokenizer(kind: str, texts: Iterable[str], size: int = 400) -> Tokenizer:
    """One of `KINDS` trained on `texts`; a word, `HAL9000`, is added behind its pieces."""
    tokenizer, trainer = {
        "unigram": _unigram,
        "wordpiece": _wordpiece,
        "bpe-bytes": _byte_level,
        "bpe-words": _word_level_ends,
    }[kind](size)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    tokenizer.add_tokens(["HAL9000"])
    return tokenizer


def a_classifier_reading(folder: Path, tokenizer: Tokenizer, family: str = "bert") -> Path:
    """A classifier of 2 layers of 32 (`bert` or `roberta`) with this tokenizer."""
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        PreTrainedTokenizerFast,
        RobertaConfig,
        RobertaForSequenceClassification,
    )

    torch.manual_seed(0)
    kinds: dict[str, Any] = {
        "bert": (BertConfig, BertForSequenceClassification),
        "roberta": (RobertaConfig, RobertaForSequenceClassification),
    }
    configuration, network = kinds[family]
    config = configuration(
        vocab_size=tokenizer.get_vocab_size() + 5,  # larger than the tokenizer, as is common
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        id2label=dict(enumerate(INTENTS)),
        label2id={label: place for place, label in enumerate(INTENTS)},
    )
    network(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=64,
    ).save_pretrained(folder)
    return folder


def _unigram(size: int) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )


def _wordpiece(size: int) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=SPECIAL, show_progress=False
    )


def _byte_level(size: int) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, trainers.BpeTrainer(
        vocab_size=size + 256,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )


def _word_level_ends(size: int) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder()
    return tokenizer, trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        end_of_word_suffix="</w>",
        show_progress=False,
    )


# Tokenizers as transformers' own classes set them up, and the class of each.
FAMILIES = {
    "bert": "BertTokenizer",
    "roberta": "RobertaTokenizer",
    "roberta-prefix-space": "RobertaTokenizer",
    "gpt2": "GPT2Tokenizer",  # ModernBERT's is set up alike
    "xlm-roberta": "XLMRobertaTokenizer",
    "camembert": "CamembertTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
    "albert": "AlbertTokenizer",
    "t5": "T5Tokenizer",
    "sentencepiece-bpe": "PreTrainedTokenizerFast",  # with bytes for what it does not know
}


def a_family_tokenizer(family: str, texts: Iterable[str], size: int = 120, **settings: Any) -> Any:
    """The transformers tokenizer of one of `FAMILIES`, its pieces learnt from `texts`."""
    import transformers

    kind = getattr(transformers, FAMILIES[family])
    if family == "sentencepiece-bpe":
        names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        built = _sentencepiece_bpe(texts, size)
        return kind(tokenizer_object=built, pad_token="<pad>", **names, **settings)
    if family == "bert":
        vocabulary = _learnt(_wordpiece_pieces(size), texts)["vocab"]
        return kind(vocab=vocabulary, **settings)
    if family in {"roberta", "roberta-prefix-space", "gpt2"}:
        learnt = _learnt(_byte_level(size), texts)
        prefix = {"add_prefix_space": True} if family == "roberta-prefix-space" else {}
        names = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        merges = [tuple(pair) for pair in learnt["merges"]]
        vocabulary = learnt["vocab"]
        vocabulary["<mask>"] = len(vocabulary)
        return kind(
            vocab=vocabulary, merges=merges, pad_token="<pad>", **(names | prefix | settings)
        )
    special, unknown, mask = _UNIGRAM_SPECIALS.get(
        family, (["<s>", "<pad>", "</s>", "<unk>"], "<unk>", "<mask>")
    )
    learnt = _learnt(_unigram_pieces(size, special, unknown), texts)
    pieces = [
        (piece, 0.0 if place < len(special) else score)
        for place, (piece, score) in enumerate(learnt["vocab"])
    ]
    return kind(vocab=[*pieces, (mask, 0.0)], **settings)


_UNIGRAM_SPECIALS = {
    "deberta-v2": (["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]", "[MASK]"),
    "albert": (["<pad>", "<unk>", "[CLS]", "[SEP]"], "<unk>", "[MASK]"),
    "t5": (["<pad>", "</s>", "<unk>"], "<unk>", "<extra_id_0>"),
}


def _learnt(untrained: tuple[Tokenizer, Any], texts: Iterable[str]) -> dict[str, Any]:
    tokenizer, trainer = untrained
    tokenizer.train_from_iterator(texts, trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


def _wordpiece_pieces(size: int) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=special, show_progress=False
    )
    return tokenizer, trainer


def _unigram_pieces(size: int, special: list[str], unknown: str) -> tuple[Tokenizer, Any]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special, unk_token=unknown, show_progress=False
    )


def _sentencepiece_bpe(texts: Iterable[str], size: int) -> Tokenizer:
    """As Llama's and Gemma's: spaces become `▁`, one stands before the text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    octets = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=size + 256, special_tokens=[*SPECIAL, *octets], show_progress=False
    )
    words = (word for text in texts for word in text.split())
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return tokenizer
