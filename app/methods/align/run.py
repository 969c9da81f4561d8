"""The work of `align`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from app.learn.alignment.lengths import restoration, restored
from app.learn.alignment.lexicon import RANKS, Gold, precision
from app.learn.alignment.retrieval import csls, hubness, nearest
from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.word_vectors.network import WordVectorNetwork
from app.methods.align.dictionary import split_dictionary
from app.methods.align.fit import Fitted, fit
from app.methods.align.languages import Language, languages_of
from app.methods.align.spec import AlignParameters
from app.methods.contract import MethodInput, MethodOutput


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Map the target vectors into the source's space and let the same head answer both.

    The head was trained on raw source vectors, so what is mapped between normalised vectors gets
    back the mean and the lengths that raw source vectors have. Raises DictionaryTooSmall,
    DictionaryMissing and WidthsDiffer.
    """
    monitor.progress("reading the vectors", 0.0)
    parameters: AlignParameters = given.parameters
    source, target = languages_of(given)
    pairs = given.dictionary
    split = (
        split_dictionary(pairs, source, target, parameters.held_out, given.seed)
        if pairs is not None and len(pairs)
        else None
    )
    part = Portion(monitor, 0.02, 0.9)
    fitted = fit(source, target, split, parameters, given.seed, part, given.checkpoints)
    mapped = target.normal @ fitted.map
    raw = restored(mapped, target.raw, restoration(source.raw, source.normal))
    network = _joined(given.network, source, target, raw.cpu())
    last = Portion(monitor, 0.9, 1.0)
    report = {"dictionary": split.report() if split else None, **fitted.report}
    report |= _words(source, target)
    report["distance"] = _distance(source, target, mapped, fitted)
    if split is not None and split.held_out.answers:
        report["lexicon_induction"] = _lexicon(
            source, mapped, split.held_out, parameters, given.seed, last
        )
    monitor.progress("measuring", 1.0)
    return MethodOutput(network, fitted.history, fitted.stopped, report, rebuilt=True)


def _joined(network: Any, source: Language, target: Language, raw: Tensor) -> WordVectorNetwork:
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


def _words(source: Language, target: Language) -> dict[str, Any]:
    shared = len(set(source.vocabulary.words) & set(target.vocabulary.words))
    return {"words": {"source": source.size, "target": target.size, "in_both": shared}}


def _distance(
    source: Language, target: Language, mapped: Tensor, fitted: Fitted
) -> dict[str, float]:
    """Mean cosine distance between the two sides of the dictionary, before and after."""
    first, second = fitted.dictionary
    sides = source.normal[first]
    told = {
        "before": 1 - functional.cosine_similarity(sides, target.normal[second]).mean(),
        "after": 1 - functional.cosine_similarity(sides, mapped[second]).mean(),
    }
    return {name: round(float(value), 4) for name, value in told.items()}


def _lexicon(
    source: Language,
    mapped: Tensor,
    gold: Gold,
    parameters: AlignParameters,
    seed: int,
    monitor: Monitor,
) -> dict[str, Any]:
    """How many held-out words are translated, by CSLS and by cosine alone."""

    def beat() -> None:
        monitor.progress("measuring", 0.5)

    everyone = functional.normalize(source.normal, dim=1)
    others = functional.normalize(mapped, dim=1)
    queries = everyone[torch.tensor(list(gold.answers), device=everyone.device)]
    hubs = hubness(others, everyone, parameters.neighbours, beat)
    ranked = csls(queries, others, hubs, max(RANKS), beat)[1]
    plain = nearest(queries, others, max(RANKS), beat=beat)[1]
    return {"csls": precision(ranked, gold), "cosine": precision(plain, gold)}
