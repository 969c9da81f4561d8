"""Taggers answer for the token of a word that transformers answers for."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertForTokenClassification
from transformers.pipelines.token_classification import (
    AggregationStrategy,
    TokenClassificationPipeline,
)

from app.domain.models import ModelHints
from app.formats.catalog import HuggingFaceFormat
from app.formats.huggingface.layout import read_layout
from app.formats.huggingface.tokenizer import TextTokenizer
from app.formats.huggingface.word_windows import sentence_windows
from app.learn.data.examples import Words
from app.runtimes.torch_runtime import TorchRuntime
from tests.support.models import TAGS
from tests.support.tokenizers import FAMILIES, a_family_tokenizer

# What the tokenizers learn from; the sentences below hold words and scripts that they never saw.
_SEEN = ["wake me up at seven", "играй песню сейчас", "play the song that I like", "U.S. dollars"]
_SENTENCES: list[Words] = [
    ("中国", "играй", "wake", "Qzx", "é", "U.S.", "😀", "的", "xylophone"),
    ("東京", "は", "日本", "の", "首都", "です", "。"),
    ("Щука", "play", "ж", "песнями", "(", "Ω", ")", "-"),
    ("wake", "me", "up"),
    ("e\u0301a", "naïve", "İzmir", "ﬁsh", "10,000", "don't"),
]


def a_tagger_of(family: str, folder: Path, **settings: Any) -> Path:
    """A token classifier of random weights that reads by the family's tokenizer."""
    tokenizer = a_family_tokenizer(family, _SEEN, model_max_length=64, **settings)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer) + 4,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(TAGS)),
        label2id={tag: place for place, tag in enumerate(TAGS)},
        initializer_range=0.8,  # so that each token gets an answer of its own
    )
    BertForTokenClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def answers_of_transformers(folder: Path, words: Words) -> list[tuple[str, float] | None]:
    """Of each word the tag and its probability that the pipeline gives where the word begins."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertForTokenClassification.from_pretrained(folder).eval()
    pipeline = TokenClassificationPipeline(
        model=model, tokenizer=tokenizer, aggregation_strategy="first"
    )
    [inputs] = list(pipeline.preprocess(" ".join(words), is_split_into_words=False))
    given = {k: v for k, v in inputs.items() if k in ("input_ids", "attention_mask")}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = model(**given).logits[0].softmax(-1).numpy()
        tokens = pipeline.gather_pre_entities(
            inputs["sentence"],
            inputs["input_ids"][0],
            scores,
            inputs["offset_mapping"][0],
            inputs["special_tokens_mask"][0].numpy(),
            AggregationStrategy.FIRST,
        )
        groups = pipeline.aggregate_words(tokens, AggregationStrategy.FIRST)
    found: list[tuple[str, float] | None] = []
    start = 0
    for word in words:
        here = [g for g in groups if start - 1 <= g["start"] < start + len(word)]
        found.append((here[0]["entity"], float(here[0]["score"])) if here else None)
        start += len(word) + 1
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_a_words_answer_is_that_of_the_pipelines_first_token(family: str, tmp_path: Path) -> None:
    folder = a_tagger_of(family, tmp_path / "tagger")
    network = HuggingFaceFormat().load(folder, HuggingFaceFormat().inspect(folder, ModelHints()))
    runtime = TorchRuntime(network)
    for words in _SENTENCES:
        [ours] = runtime.run(runtime.prepare([words]), threads=1)
        for word, one, theirs in zip(
            words, ours, answers_of_transformers(folder, words), strict=True
        ):
            if theirs is not None:
                answer = (TAGS[one.argmax()], pytest.approx(theirs[1], abs=1e-5))
                assert theirs == answer, word


@pytest.mark.parametrize("prefix", ["query: ", "query:", " "])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_prefix_moves_no_words_first_token(family: str, prefix: str, tmp_path: Path) -> None:
    folder = a_tagger_of(family, tmp_path / "tagger")
    layout = read_layout(folder)
    [alone] = sentence_windows(
        TextTokenizer(layout, "", ["input_ids"]), [("query:", *_SENTENCES[0])]
    )
    [behind] = sentence_windows(TextTokenizer(layout, prefix, ["input_ids"]), [_SENTENCES[0]])
    [tail] = sentence_windows(TextTokenizer(layout, "", ["input_ids"]), [_SENTENCES[0]])
    ids = behind.tokens.ids
    assert [ids[place] for place in behind.first[1:]] == [
        tail.tokens.ids[place] for place in tail.first[1:]
    ]
    if prefix == "query: ":
        assert ids == alone.tokens.ids
        assert behind.first.tolist() == alone.first[1:].tolist()


@pytest.mark.parametrize("side", ["left", "right"])
def test_no_word_of_a_long_sentence_is_lost_on_either_side(side: str, tmp_path: Path) -> None:
    folder = a_tagger_of("xlm-roberta", tmp_path / "tagger", truncation_side=side)
    network = HuggingFaceFormat().load(folder, HuggingFaceFormat().inspect(folder, ModelHints()))
    words = _SENTENCES[3] * 40
    first = network.collate([words])["first_tokens"]
    assert len(network.collate([words])["input_ids"]) > 1
    assert int((first >= 0).sum()) == len(words)
