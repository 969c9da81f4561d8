"""Establishes the facts of word vectors, and puts them into the layout that opens quickly."""

from __future__ import annotations

from pathlib import Path

import torch

from app.domain.enums import Format, Task
from app.domain.errors.model_files import WeightsNotFinite
from app.domain.models import ModelFacts, ModelHints, TextInput
from app.formats.word_vectors.description import DESCRIPTION_FILE, read_description
from app.formats.word_vectors.files import MATRIX_FILE, read_network, write_vectors
from app.learn.word_vectors.network import MOST_WORDS, WordVectorNetwork
from app.learn.word_vectors.pooling import Pooling

WORDS = 200_000
_ARCHITECTURE = "WordVectors-"


def inspect(folder: Path, hints: ModelHints) -> ModelFacts:
    """The facts; raises a RejectedFile.

    Text is slow to read, so what a raw file holds is written beside it in the kept layout, which
    `load` prefers. `hints.vectors` may ask for the first `words` and for a `pooling`; what
    `word_vectors.json` says wins.
    """
    described = (folder / DESCRIPTION_FILE).is_file()
    network, notes = read_network(folder, int(hints.vectors.get("words") or WORDS))
    if not described or "pooling" not in read_description(folder).model_fields_set:
        network = _pooled(network, Pooling(hints.vectors.get("pooling") or network.pooling))
    with torch.no_grad():
        rows = torch.arange(0, len(network.vectors), max(1, len(network.vectors) // 1000))
        if not bool(torch.isfinite(network.vectors[rows]).all()):
            raise WeightsNotFinite
    if not (folder / MATRIX_FILE).is_file():
        write_vectors(network, folder)
    return facts_of(network, notes)


def load(folder: Path, facts: ModelFacts) -> WordVectorNetwork:
    """The network that `inspect` saw, also where only the raw file is left."""
    network, _ = read_network(folder, facts.words)
    return _pooled(network, Pooling(facts.architecture.removeprefix(_ARCHITECTURE)))


def facts_of(network: WordVectorNetwork, notes: tuple[str, ...] = ()) -> ModelFacts:
    """What is known of a network of word vectors."""
    return ModelFacts(
        format=Format.WORD_VECTORS,
        task=Task.TEXT_CLASSIFICATION if network.labels else Task.FEATURE_EXTRACTION,
        labels=network.labels,
        input=TextInput(MOST_WORDS),
        architecture=f"{_ARCHITECTURE}{network.pooling}",
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        words=len(network.vectors),
        notes=notes,
    )


def _pooled(network: WordVectorNetwork, pooling: Pooling) -> WordVectorNetwork:
    """The same vectors under another pooling; a head goes along."""
    if pooling is network.pooling:
        return network
    other = WordVectorNetwork(network.vectors, network.vocabularies, pooling, network.labels)
    other.classifier = network.classifier
    return other
