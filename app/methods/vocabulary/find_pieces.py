"""Finds the pieces of a language: frequent pairs merged again and again."""

from __future__ import annotations

import json
import string
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from app.learn.monitor import Monitor
from app.methods.tokenizer_description import uses_bytes
from app.methods.vocabulary.waiting import wait_for

_PHASE = "training the tokenizer"
_FEWEST = 2


def find_pieces(
    source: Tokenizer, description: dict[str, Any], texts: list[str], size: int, monitor: Monitor
) -> tuple[list[str], list[Any]]:
    """At most `size` pieces, single characters first, and the merges that make the others.

    The library's BPE trainer (Sennrich et al., 2016) serves every kind of tokenizer: for
    WordPiece it is what its own trainer uses, and its Unigram trainer gives other pieces each
    time. The BPE trainer numbers the characters inside and at the end of words as it meets them,
    in no fixed order, and breaks ties by number; told them all beforehand, in order, it gives the
    same pieces every time. What stands on a keyboard is always among the characters.
    """
    model = description["model"]
    prefix = model.get("continuing_subword_prefix") or ""
    suffix = model.get("end_of_word_suffix") or ""
    learner = Tokenizer(models.BPE())
    learner.normalizer, learner.pre_tokenizer = source.normalizer, source.pre_tokenizer
    by_bytes = uses_bytes(description)
    alphabet = sorted(_alphabet(source, [*texts, " ".join(string.printable)], monitor))
    inner = {
        f"{start}{one}{end}" for start in ("", prefix) for end in ("", suffix) for one in alphabet
    }
    marks: dict[str, Any] = {"continuing_subword_prefix": prefix, "end_of_word_suffix": suffix}
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=_FEWEST,
        special_tokens=sorted(name for name in inner if len(name) > 1),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if by_bytes else alphabet,
        show_progress=False,
        **{name: mark for name, mark in marks.items() if mark},
    )
    wait_for(
        lambda: learner.train_from_iterator(texts, trainer),
        lambda: monitor.progress(_PHASE, 0.5),
    )
    monitor.progress(_PHASE, 1.0)
    found = json.loads(learner.to_str())["model"]
    return sorted(found["vocab"], key=found["vocab"].__getitem__), found["merges"]


def _alphabet(source: Tokenizer, texts: list[str], monitor: Monitor) -> set[str]:
    """The characters of the texts after what the tokenizer does to them before it cuts."""
    found: set[str] = set()
    for number, text in enumerate(texts):
        if number % 1000 == 0:
            monitor.progress(_PHASE, 0.5 * number / len(texts))
        normal = source.normalizer.normalize_str(text) if source.normalizer else text
        if source.pre_tokenizer is None:
            found.update(normal)
            continue
        for word, _ in source.pre_tokenizer.pre_tokenize_str(normal):
            found.update(word)
    return found
