"""`align`: maps target word vectors into the source model's space, under the same classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from app.learn.alignment.csls import RANKS, GoldDictionary, csls, hubness, nearest, precision_at_k
from app.learn.alignment.maps import restoration, restored
from app.learn.callbacks import Monitor, SubProgress
from app.learn.word_vectors import WordVectorNetwork
from app.methods.align.mapping import (
    FittedMap,
    LanguageVectors,
    fit_map,
    language_vectors,
    split_dictionary,
)
from app.methods.align.spec import AlignParameters
from app.methods.contract import MethodInput, MethodOutput


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Map the target vectors into the source's space and let the same head answer both.

    The head was trained on raw source vectors, so what is mapped between normalised vectors gets
    back the mean and the lengths that raw source vectors have. Raises DictionaryTooSmall,
    DictionaryMissing and WidthsDiffer.
    """
    monitor.progress("reading the vectors", 0.0)
    parameters: AlignParameters = method_input.parameters
    source, target = language_vectors(method_input)
    pairs = method_input.dictionary
    split = (
        split_dictionary(pairs, source, target, parameters.held_out, method_input.seed)
        if pairs is not None and len(pairs)
        else None
    )
    part = SubProgress(monitor, 0.02, 0.9)
    fitted = fit_map(
        source, target, split, parameters, method_input.seed, part, method_input.checkpoints
    )
    mapped = target.normalised @ fitted.map
    raw = restored(mapped, target.raw, restoration(source.raw, source.normalised))
    network = _joined(method_input.network, source, target, raw.cpu())
    last = SubProgress(monitor, 0.9, 1.0)
    report = {"dictionary": split.report() if split else None, **fitted.report}
    report |= _word_counts(source, target)
    report["distance"] = _distance(source, target, mapped, fitted)
    if split is not None and split.held_out.answers:
        report["lexicon_induction"] = _lexicon_induction(
            source, mapped, split.held_out, parameters, method_input.seed, last
        )
    monitor.progress("measuring", 1.0)
    return MethodOutput(network, fitted.history, fitted.stopped, report, rebuilt=True)


def _joined(
    network: Any, source: LanguageVectors, target: LanguageVectors, raw: Tensor
) -> WordVectorNetwork:
    """The source model, its vocabulary under its language's tag, and the target's beside it."""
    named = WordVectorNetwork(
        network.vectors,
        [
            source.vocabulary.at(one.start) if one.words == source.vocabulary.words else one
            for one in network.vocabularies
        ],
        network.pooling,
        common=network.common,
    )
    named.classifier, named.labels = network.classifier, network.labels
    return named.with_vocabulary(target.vocabulary, raw)


def _word_counts(source: LanguageVectors, target: LanguageVectors) -> dict[str, Any]:
    shared = len(set(source.vocabulary.words) & set(target.vocabulary.words))
    return {"words": {"source": source.size, "target": target.size, "in_both": shared}}


def _distance(
    source: LanguageVectors, target: LanguageVectors, mapped: Tensor, fitted: FittedMap
) -> dict[str, float]:
    """Mean cosine distance between the two sides of the dictionary, before and after."""
    first, second = fitted.dictionary
    sides = source.normalised[first]
    distances = {
        "before": 1 - functional.cosine_similarity(sides, target.normalised[second]).mean(),
        "after": 1 - functional.cosine_similarity(sides, mapped[second]).mean(),
    }
    return {name: round(float(value), 4) for name, value in distances.items()}


def _lexicon_induction(
    source: LanguageVectors,
    mapped: Tensor,
    gold: GoldDictionary,
    parameters: AlignParameters,
    seed: int,
    monitor: Monitor,
) -> dict[str, Any]:
    """How many held-out words are translated, by CSLS and by cosine alone."""

    def heartbeat() -> None:
        monitor.progress("measuring", 0.5)

    everyone = functional.normalize(source.normalised, dim=1)
    others = functional.normalize(mapped, dim=1)
    queries = everyone[torch.tensor(list(gold.answers), device=everyone.device)]
    hubs = hubness(others, everyone, parameters.neighbours, heartbeat)
    ranked = csls(queries, others, hubs, max(RANKS), heartbeat)[1]
    plain = nearest(queries, others, max(RANKS), heartbeat=heartbeat)[1]
    return {"csls": precision_at_k(ranked, gold), "cosine": precision_at_k(plain, gold)}
