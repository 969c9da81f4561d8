"""The tokenizer that a network is given: trained on target texts, or an auxiliary model's."""

from __future__ import annotations

import json
import math
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from app.domain.errors.methods import SpecialTokensDiffer, TokenizerUnsupported, TooLittleText
from app.learn.callbacks import Monitor, SubProgress, run_in_thread
from app.learn.network import HasTokenVocabulary, Network, TokenVocabulary
from app.methods.tokenizer_json import post_processor_ids, renumbered, unknown_id, uses_bytes

_TRAINING_PHASE = "training the tokenizer"
_SCORING_PHASE = "scoring the subwords"
_MAX_TOKENS = 16_000
_MIN_FREQUENCY = 2
_EM_ROUNDS = 4
_TEXTS_AT_ONCE = 1000


@dataclass(frozen=True)
class TargetTokenizer:
    """A tokenizer, the names that the source's special tokens have in it, and its own vectors.

    `vectors`: float32 (tokens, k) of length 1, where an auxiliary model brings some.
    """

    tokenizer: Tokenizer
    special: dict[str, str]
    vectors: np.ndarray | None = None


def find_tokenizer(
    source: TokenVocabulary,
    auxiliary_model: Network | None,
    texts: list[str],
    vocab_size: int | None,
    monitor: Monitor,
) -> TargetTokenizer:
    """The auxiliary model's tokenizer with its embedding, or one trained on the texts."""
    if auxiliary_model is None:
        names = special_tokens(source)
        tokenizer = train_tokenizer(source, texts, vocab_size, monitor)
        return TargetTokenizer(tokenizer, {name: name for name in names})
    monitor.progress("reading the auxiliary model", 1.0)
    auxiliary = require_tokenizer(auxiliary_model).vocabulary()
    size = auxiliary.tokenizer.get_vocab_size(with_added_tokens=True)
    rows = auxiliary.rows.detach().numpy()[:size]
    rows = rows - rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True).clip(min=1e-9)
    return TargetTokenizer(
        auxiliary.tokenizer, match_special_tokens(source, auxiliary), rows / lengths
    )


def train_tokenizer(
    source: TokenVocabulary, texts: list[str], vocab_size: int | None, monitor: Monitor
) -> Tokenizer:
    """A tokenizer like the source's, with its special tokens, for the language of `texts`.

    It has `vocab_size` tokens, or with None what the texts yield up to 16,000. Raises
    `TooLittleText` where they yield fewer, and `TokenizerUnsupported`.
    """
    description = json.loads(source.tokenizer.to_str())
    kind = description["model"]["type"]
    if kind not in ("Unigram", "WordPiece", "BPE"):
        raise TokenizerUnsupported(f"its kind is {kind}")
    special = special_tokens(source)
    size = (vocab_size or _MAX_TOKENS) - len(special)
    part = SubProgress(monitor, 0.0, 0.7 if kind == "Unigram" else 1.0)
    subwords, merges = train_subwords(source.tokenizer, description, texts, size, part)
    names = [*special, *(name for name in subwords if name not in special)]
    if vocab_size is not None and len(names) < vocab_size:
        raise TooLittleText(len(names), vocab_size)
    if kind != "Unigram":
        return _build_tokenizer(description, names, merges, None)

    def with_scores(scores: list[float]) -> Tokenizer:
        return _build_tokenizer(description, names, merges, scores)

    return fit_unigram_scores(
        names, len(special), with_scores, texts, SubProgress(monitor, 0.7, 1.0)
    )


def special_tokens(source: TokenVocabulary) -> list[str]:
    """The tokens that stand for no text, in the order of their ids."""
    tokenizer = source.tokenizer
    description = json.loads(tokenizer.to_str())
    ids = {token["id"] for token in description["added_tokens"] if token["special"]}
    ids |= set(source.named.values()) | post_processor_ids(description["post_processor"])
    unknown = unknown_id(description, tokenizer.get_vocab())
    ids |= set() if unknown is None else {unknown}
    return [name for id in sorted(ids) if (name := tokenizer.id_to_token(id)) is not None]


def _build_tokenizer(
    description: dict[str, Any], names: list[str], merges: list[Any], scores: list[float] | None
) -> Tokenizer:
    """`description` with other subwords, numbered by their place in `names`."""
    before = Tokenizer.from_str(json.dumps(description))
    number = {name: place for place, name in enumerate(names)}
    new_ids = {old: number[name] for name, old in before.get_vocab().items() if name in number}
    model = description["model"]
    changed: dict[str, Any] = {"vocab": number}
    if model["type"] == "BPE":
        changed["merges"] = merges
    if scores is not None:
        unknown = model.get("unk_id")
        changed = {
            "vocab": [list(pair) for pair in zip(names, scores, strict=True)],
            "unk_id": None if unknown is None else new_ids[unknown],
        }
    added = [
        token | {"id": number[token["content"]]}
        for token in description["added_tokens"]
        if token["special"]
    ]
    changes = {
        "model": model | changed,
        "added_tokens": added,
        "post_processor": renumbered(description.get("post_processor"), new_ids),
    }
    return Tokenizer.from_str(json.dumps(description | changes))


def train_subwords(
    source: Tokenizer, description: dict[str, Any], texts: list[str], size: int, monitor: Monitor
) -> tuple[list[str], list[Any]]:
    """At most `size` subwords, single characters first, and the merges that make the others.

    The library's BPE trainer (Sennrich et al., 2016) serves every kind of tokenizer: for
    WordPiece it is what its own trainer uses, and its Unigram trainer gives other subwords each
    time. The BPE trainer numbers the characters inside and at the end of words as it meets them,
    in no fixed order, and breaks ties by number; given them all beforehand, in order, it gives the
    same subwords every time. What stands on a keyboard is always among the characters.
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
        min_frequency=_MIN_FREQUENCY,
        special_tokens=sorted(name for name in inner if len(name) > 1),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if by_bytes else alphabet,
        show_progress=False,
        **{name: mark for name, mark in marks.items() if mark},
    )
    run_in_thread(
        lambda: learner.train_from_iterator(texts, trainer),
        lambda: monitor.progress(_TRAINING_PHASE, 0.5),
    )
    monitor.progress(_TRAINING_PHASE, 1.0)
    model = json.loads(learner.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].__getitem__), model["merges"]


def _alphabet(source: Tokenizer, texts: list[str], monitor: Monitor) -> set[str]:
    """The characters of the texts after what the tokenizer does to them before it cuts."""
    characters: set[str] = set()
    for number, text in enumerate(texts):
        if number % 1000 == 0:
            monitor.progress(_TRAINING_PHASE, 0.5 * number / len(texts))
        normal = source.normalizer.normalize_str(text) if source.normalizer else text
        if source.pre_tokenizer is None:
            characters.update(normal)
            continue
        for word, _ in source.pre_tokenizer.pre_tokenize_str(normal):
            characters.update(word)
    return characters


def fit_unigram_scores(
    names: list[str],
    special: int,
    with_scores: Callable[[list[float]], Tokenizer],
    texts: list[str],
    monitor: Monitor,
) -> Tokenizer:
    """The tokenizer whose scores are the log shares of its own segmentation of the texts.

    Kudo 2018, "Subword Regularization", with the likeliest segmentation in the place of all of
    them (hard EM). The first `special` names score 0, as SentencePiece has it; it begins with
    long subwords preferred.
    """
    scores = [0.0 if place < special else -10.0 for place in range(len(names))]
    tokenizer = with_scores(scores)
    for turn in range(_EM_ROUNDS):
        counts: Counter[int] = Counter()
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            done = (turn + start / len(texts)) / _EM_ROUNDS
            monitor.progress(_SCORING_PHASE, done)
            chunk = tokenizer.encode_batch(
                texts[start : start + _TEXTS_AT_ONCE], add_special_tokens=False
            )
            for one in chunk:
                counts.update(one.ids)
        # A subword that no segmentation uses counts half, so that unseen words can be made of it.
        total = math.log(sum(counts.values()) + 0.5 * len(names))
        scores = [
            0.0 if place < special else math.log(max(counts[place], 0.5)) - total
            for place in range(len(names))
        ]
        tokenizer = with_scores(scores)
    monitor.progress(_SCORING_PHASE, 1.0)
    return tokenizer


def match_special_tokens(source: TokenVocabulary, target: TokenVocabulary) -> dict[str, str]:
    """The names in `target` of the source's special tokens.

    Those around a text by their places, the unknown, the padding and the mask token by what they
    are for. Raises `SpecialTokensDiffer`.
    """
    source_by_use, target_by_use = _special_by_use(source), _special_by_use(target)
    names: dict[str, str] = {}
    for use, name in source_by_use.items():
        if use not in target_by_use and use != "mask":
            raise SpecialTokensDiffer(name)
        if use in target_by_use:
            names[name] = target_by_use[use]
    source_names, target_names = _names_by_id(source), _names_by_id(target)
    for key, id in source.named.items():
        if key in target.named and source_names.get(id, "") not in names:
            names[source_names[id]] = target_names[target.named[key]]
    return names


def mask_token_id(tokenizer: Tokenizer) -> int | None:
    """The id of the mask token, or of the unknown one where there is no mask."""
    description = json.loads(tokenizer.to_str())
    mask = _mask_token(description)
    if mask is not None:
        return tokenizer.token_to_id(mask)
    return unknown_id(description, tokenizer.get_vocab())


def _special_by_use(vocabulary: TokenVocabulary) -> dict[str, str]:
    tokenizer = vocabulary.tokenizer
    description = json.loads(tokenizer.to_str())
    around = {f"around-{place}": name for place, name in enumerate(tokenizer.encode("").tokens)}
    single = {
        "padding": vocabulary.named.get("pad_token_id"),
        "unknown": unknown_id(description, tokenizer.get_vocab()),
    }
    names = _names_by_id(vocabulary)
    named = {use: names[id] for use, id in single.items() if id is not None}
    mask = _mask_token(description)
    return around | named | ({"mask": mask} if mask else {})


def _names_by_id(vocabulary: TokenVocabulary) -> dict[int, str]:
    return {id: name for name, id in vocabulary.tokenizer.get_vocab().items()}


def _mask_token(description: dict[str, Any]) -> str | None:
    names = [token["content"] for token in description["added_tokens"]]
    return next((name for name in names if "mask" in name.lower()), None)


def require_tokenizer(network: Network) -> HasTokenVocabulary:
    """The network as one whose vocabulary can be changed; raises `TokenizerUnsupported`."""
    if not isinstance(network, HasTokenVocabulary):
        raise TokenizerUnsupported(f"a {type(network).__name__} has none")
    return network
