"""`vocabulary`: a target-language tokenizer whose embedding rows are made of the source's."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from scipy.sparse import csr_array
from sklearn.utils.extmath import randomized_svd
from tokenizers import Tokenizer
from torch import Tensor, nn

from app.learn.callbacks import Monitor, NoCheckpoints, SubProgress, run_in_thread
from app.learn.data.examples import TextPairs, texts_of
from app.learn.devices import seeded
from app.learn.network import TokenVocabulary
from app.methods.contract import MethodInput, MethodOutput
from app.methods.tokenizer_json import spellings, unknown_id
from app.methods.vocabulary.masked_language_modeling import (
    MaskedInput,
    MaskedTrainingResult,
    train_masked,
)
from app.methods.vocabulary.spec import Initialisation, VocabularyParameters
from app.methods.vocabulary.tokenizer import (
    TargetTokenizer,
    find_tokenizer,
    require_tokenizer,
)

_ROWS_PHASE = "making the rows"
_SAMPLE_TEXTS = 2000  # by which tokens per word are counted
_TEXTS_AT_ONCE = 512
_ROWS_AT_ONCE = 512
# Of the vectors by which tokens are compared (Levy, Goldberg and Dagan, 2015).
_WIDTH = 100
_MIN_COUNT = 3
_WINDOW = 5
_CONTEXT_SMOOTHING = 0.75


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Change the tokenizer, make its rows of the source's, and train on as far as asked."""
    parameters, texts = method_input.parameters, texts_of(method_input.unlabelled or [])
    network = require_tokenizer(method_input.network)
    source = network.vocabulary()
    trains = parameters.rows_steps + parameters.all_steps > 0
    end = 0.3 if trains else 1.0
    first = SubProgress(monitor, 0.0, 0.6 * end)
    target = find_tokenizer(
        source, method_input.auxiliary_model, texts, parameters.vocab_size, first
    )
    with seeded(method_input.seed) as generator:
        part = SubProgress(monitor, 0.6 * end, end)
        new_rows = initialise_rows(
            source, target, texts, method_input.dictionary, parameters, generator, part
        )
        report = _report(method_input, new_rows, source.tokenizer, target.tokenizer, texts)
        report["rows"] = {"before": len(source.rows), "after": len(new_rows.rows)}
        network.change_vocabulary(target.tokenizer, new_rows.rows, target.special)
        result = MaskedTrainingResult([], [f"The vocabulary has {len(new_rows.rows)} tokens."], {})
        if trains:
            result = _train_further(
                method_input, texts, target, generator, SubProgress(monitor, end, 1.0)
            )
            report["masked_loss"] = result.losses
    method_input.network.requires_grad_(True).eval()
    stopped = " ".join(result.stop_reasons)
    return MethodOutput(method_input.network, result.history, stopped, report, rebuilt=True)


def _train_further(
    method_input: MethodInput,
    texts: list[str],
    target: TargetTokenizer,
    generator: torch.Generator,
    monitor: Monitor,
) -> MaskedTrainingResult:
    embedding = cast(nn.Parameter, require_tokenizer(method_input.network).vocabulary().rows)
    ids = target.tokenizer.get_vocab()
    special_ids = {ids[name] for name in target.special.values()}
    return train_masked(
        MaskedInput(method_input.network, embedding, texts, target.tokenizer, special_ids),
        method_input.parameters,
        generator,
        monitor,
        method_input.checkpoints or NoCheckpoints(),
    )


def _report(
    method_input: MethodInput,
    new_rows: NewRows,
    before: Tokenizer,
    after: Tokenizer,
    texts: list[str],
) -> dict[str, Any]:
    used = new_rows.translations
    report: dict[str, Any] = {
        "rows_by_origin": new_rows.origins,
        "tokens_per_word": {"before": _fertility(before, texts), "after": _fertility(after, texts)},
    }
    if method_input.dictionary is not None:
        report["dictionary"] = {
            "pairs": len(method_input.dictionary),
            "used": used.used,
            "unknown_to_the_source": used.unknown_source,
            "unknown_to_the_target": used.unknown_target,
            "words_of_one_token": len(used.of_words),
        }
    return report


def _fertility(tokenizer: Tokenizer, texts: list[str]) -> float:
    """Tokens for each word between white space, in a sample of the texts."""
    sample = texts[:: max(1, len(texts) // _SAMPLE_TEXTS)]
    tokens = sum(len(e.ids) for e in tokenizer.encode_batch(sample, add_special_tokens=False))
    return round(tokens / max(1, sum(len(text.split()) for text in sample)), 4)


@dataclass
class Translations:
    """Which source ids stand for each target id, and how the dictionary's pairs were used.

    `of_words`: of target words that are one token; `of_parts`: of the tokens of longer ones.
    """

    of_words: dict[int, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    of_parts: dict[int, list[list[int]]] = field(default_factory=lambda: defaultdict(list))
    used: int = 0
    unknown_source: int = 0
    unknown_target: int = 0


@dataclass(frozen=True)
class NewRows:
    """Rows float32 (tokens, width), how many of each origin, and what the dictionary did."""

    rows: Tensor
    origins: dict[str, int]
    translations: Translations


def initialise_rows(
    source: TokenVocabulary,
    target: TargetTokenizer,
    texts: list[str],
    dictionary: TextPairs | None,
    parameters: VocabularyParameters,
    generator: torch.Generator,
    monitor: Monitor,
) -> NewRows:
    """A row for each token of the target's tokenizer.

    Special tokens, the dictionary and shared spellings come first; tokens like those by the company
    they keep in `texts` (or by the auxiliary model's vectors) come next; the rest is spelled with
    the source's tokens, and what cannot be is drawn.
    """
    rows = source.rows.detach()
    monitor.progress(_ROWS_PHASE, 0.0)
    anchors, translations = find_anchors(source, target.tokenizer, dictionary, target.special)
    drawn = draw_rows(rows, len(anchors.rows), generator)
    if parameters.initialisation is Initialisation.RANDOM:
        special = [target.tokenizer.token_to_id(name) for name in target.special.values()]
        drawn[special] = anchors.rows[special]
        monitor.progress(_ROWS_PHASE, 1.0)
        origins = {"special": len(special), "random": len(drawn) - len(special)}
        return NewRows(drawn, origins, translations)
    monitor.progress(_ROWS_PHASE, 0.2)
    vectors = target.vectors
    if vectors is None:
        seed = int(torch.randint(2**31, (1,), generator=generator))
        vectors = _vectors(target.tokenizer, texts, len(drawn), seed, monitor)
    monitor.progress(_ROWS_PHASE, 0.8)
    near = fill_by_neighbours(anchors, vectors, parameters.neighbours, parameters.temperature)
    complete = _complete(spell_rest(near, source, target.tokenizer), drawn)
    monitor.progress(_ROWS_PHASE, 1.0)
    return NewRows(complete.rows, complete.origins, translations)


def _vectors(
    tokenizer: Tokenizer, texts: list[str], size: int, seed: int, monitor: Monitor
) -> np.ndarray:
    parts: list[list[int]] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        monitor.progress(_ROWS_PHASE, 0.2 + 0.3 * start / len(texts))
        chunk = tokenizer.encode_batch(
            texts[start : start + _TEXTS_AT_ONCE], add_special_tokens=False
        )
        parts += [one.ids for one in chunk]
    ids = np.array([id for part in parts for id in part], dtype=np.int64)
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return run_in_thread(
        lambda: token_vectors(ids, places, size, _WIDTH, _MIN_COUNT, seed),
        lambda: monitor.progress(_ROWS_PHASE, 0.5),
    )


def _complete(anchors: Anchors, drawn: Tensor) -> Anchors:
    """Rows that are still missing, as drawn."""
    missing = ~anchors.known
    rows = anchors.rows.clone()
    rows[torch.from_numpy(missing)] = drawn[torch.from_numpy(missing)]
    return Anchors(rows, np.ones_like(missing), anchors.origins | {"random": int(missing.sum())})


def find_anchors(
    source: TokenVocabulary,
    target: Tokenizer,
    dictionary: TextPairs | None,
    special: dict[str, str],
) -> tuple[Anchors, Translations]:
    """Rows float32 (size, width) of all tokens that something is known of; others are zero.

    `special` gives, for special tokens of the source, their names in `target`. In this order: a
    special token has the row of its counterpart; a word of the dictionary the mean of its
    translations' rows; a token that the source spells alike has that row (so a word spelled
    alike that means another thing is put right by the dictionary); a part of dictionary words the
    mean of what these words have.
    """
    size = target.get_vocab_size(with_added_tokens=True)
    rows, known = torch.zeros(size, source.rows.shape[1]), np.zeros(size, dtype=bool)
    translations = _translate(source, target, dictionary)
    source_ids, target_ids = source.tokenizer.get_vocab(), target.get_vocab()
    counterparts = {target_ids[new]: [[source_ids[old]]] for old, new in special.items()}
    shared = {id: [[old]] for id, old in _shared(source.tokenizer, target).items()}
    origins: dict[str, int] = {}
    for name, found in (
        ("special", counterparts),
        ("dictionary", translations.of_words),
        ("shared", shared),
        ("dictionary_parts", translations.of_parts),
    ):
        fresh = [id for id in found if not known[id]]
        for id in fresh:
            rows[id] = _mean_row(source.rows, found[id])
            known[id] = True
        origins[name] = len(fresh)
    return Anchors(rows, known, origins), translations


def _shared(source: Tokenizer, target: Tokenizer) -> dict[int, int]:
    """For ids of `target` that `source` spells alike, its id; one of the same name comes first."""
    source_texts, target_texts = spellings(source), spellings(target)
    by_spelling = {text: id for id, text in enumerate(source_texts) if text}
    by_name = source.get_vocab()
    shared = {id: by_spelling[text] for id, text in enumerate(target_texts) if text in by_spelling}
    for name, id in target.get_vocab().items():
        if name in by_name and source_texts[by_name[name]] == target_texts[id]:
            shared[id] = by_name[name]
    return shared


def spell_rest(anchors: Anchors, source: TokenVocabulary, target: Tokenizer) -> Anchors:
    """Give tokens without a row the mean of the source tokens that spell them, if any do."""
    texts = spellings(target)
    missing = [id for id in np.flatnonzero(~anchors.known) if texts[id].strip()]
    unknown = _unknown_token_id(source.tokenizer)
    rows, known, count = anchors.rows.clone(), anchors.known.copy(), 0
    encoded = source.tokenizer.encode_batch(
        [texts[id].strip() for id in missing], add_special_tokens=False
    )
    for id, one in zip(missing, encoded, strict=True):
        if one.ids and unknown not in one.ids:
            rows[id] = _mean_row(source.rows, [one.ids])
            known[id] = True
            count += 1
    return Anchors(rows, known, anchors.origins | {"spelled": count})


def _translate(
    source: TokenVocabulary, target: Tokenizer, dictionary: TextPairs | None
) -> Translations:
    translations = Translations()
    if dictionary is None:
        return translations
    unknown = (_unknown_token_id(source.tokenizer), _unknown_token_id(target))
    sources = source.tokenizer.encode_batch(list(dictionary.source), add_special_tokens=False)
    targets = target.encode_batch(list(dictionary.target), add_special_tokens=False)
    for one, other in zip(sources, targets, strict=True):
        no_source = not one.ids or unknown[0] in one.ids
        no_target = not other.ids or unknown[1] in other.ids
        translations.unknown_source += no_source
        translations.unknown_target += no_target
        if no_source or no_target:
            continue
        translations.used += 1
        by_target = translations.of_words if len(other.ids) == 1 else translations.of_parts
        for id in other.ids:
            by_target[id].append(one.ids)
    return translations


def _mean_row(rows: Tensor, translations: list[list[int]]) -> Tensor:
    """The mean over translations of the mean over each one's tokens."""
    return torch.stack([rows[ids].mean(dim=0) for ids in translations]).mean(dim=0)


def _unknown_token_id(tokenizer: Tokenizer) -> int | None:
    return unknown_id(json.loads(tokenizer.to_str()), tokenizer.get_vocab())


@dataclass(frozen=True)
class Anchors:
    """Rows that are known: float32 (size, width), bool (size,) for which, counted by origin."""

    rows: Tensor
    known: np.ndarray
    origins: dict[str, int]


def fill_by_neighbours(
    anchors: Anchors, vectors: np.ndarray, neighbours: int, temperature: float
) -> Anchors:
    """Give each token without a row the mean of its neighbours' rows.

    `vectors`: float32 (size, k) of length 1 or 0, in which tokens are compared by cosine; a token
    of length 0 has no neighbours and stays without. The weights are a softmax over the
    `neighbours` nearest anchors (WECHSEL: Minixhofer et al., 2022; FOCUS: Dobler and de Melo,
    2023), compared in blocks.
    """
    there = np.linalg.norm(vectors, axis=1) > 0
    sources = np.flatnonzero(anchors.known & there)
    missing = np.flatnonzero(~anchors.known & there)
    if not len(sources) or not len(missing):
        return anchors
    rows, known = anchors.rows.clone(), anchors.known.copy()
    # Copied, since products of memory that is aligned otherwise differ in the last bit.
    nearest = torch.tensor(vectors[sources])
    taken = anchors.rows[torch.from_numpy(sources)]
    for start in range(0, len(missing), _ROWS_AT_ONCE):
        block = missing[start : start + _ROWS_AT_ONCE]
        similarity = torch.tensor(vectors[block]) @ nearest.T
        best, place = similarity.topk(min(neighbours, len(sources)), dim=1)
        weights = torch.softmax(best / temperature, dim=1)
        rows[torch.from_numpy(block)] = (weights.unsqueeze(-1) * taken[place]).sum(dim=1)
    known[missing] = True
    return Anchors(rows, known, anchors.origins | {"neighbours": len(missing)})


def draw_rows(like: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Rows float32 (size, width), normal with the mean and deviation of each column of `like`."""
    drawn = torch.randn(size, like.shape[1], generator=generator)
    return like.mean(dim=0) + drawn * like.std(dim=0)


def token_vectors(
    ids: np.ndarray, texts: np.ndarray, size: int, width: int, min_count: int, seed: int
) -> np.ndarray:
    """Float32 (size, width) of length 1, zero for tokens seen fewer than `min_count` times.

    `ids`, `texts`: int64 (tokens,), the tokens in their order and the text each belongs to.
    Positive pointwise mutual information within five tokens, contexts smoothed, cut down by a
    singular value decomposition (Levy, Goldberg and Dagan 2015, "Improving Distributional
    Similarity with Lessons Learned from Word Embeddings"; found by random projection, Halko et
    al., 2011). The same for the same seed.
    """
    counts = np.bincount(ids, minlength=size)
    known = counts >= min_count
    pairs = _co_occurrences(ids, texts, known, size)
    information = _pointwise_mutual_information(pairs)
    width = max(1, min(width, int(known.sum()) // 2))
    left, strength, _ = randomized_svd(information, width, random_state=seed)
    vectors: np.ndarray = (left * np.sqrt(strength)).astype(np.float32)
    vectors[~known] = 0.0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=vectors, where=lengths > 1e-9)


def _co_occurrences(ids: np.ndarray, texts: np.ndarray, known: np.ndarray, size: int) -> csr_array:
    """How often two tokens stand within the window of each other; near ones count more."""
    rows, columns, weights = [], [], []
    for distance in range(1, _WINDOW + 1):
        left, right = ids[:-distance], ids[distance:]
        there = (texts[:-distance] == texts[distance:]) & known[left] & known[right]
        rows += [left[there], right[there]]
        columns += [right[there], left[there]]
        weights += [np.full(2 * int(there.sum()), 1.0 / distance)]
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(weights), places), shape=(size, size))


def _pointwise_mutual_information(pairs: csr_array) -> csr_array:
    found = pairs.tocoo()
    total = found.data.sum()
    words = np.asarray(pairs.sum(axis=1)).ravel()
    contexts = words**_CONTEXT_SMOOTHING
    contexts = contexts / max(contexts.sum(), 1e-12)
    joint = found.data / max(total, 1e-12)
    expected = (words[found.row] / max(total, 1e-12)) * contexts[found.col]
    gain = np.maximum(np.log(joint / expected), 0.0)
    return csr_array((gain, (found.row, found.col)), shape=pairs.shape)
