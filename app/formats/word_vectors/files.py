"""Reads and writes models of word vectors: matrix, vocabulary, `word_vectors.json`, head."""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors.torch import save_file
from torch import Tensor

from app.domain.enums import Format, Task
from app.domain.errors.model_files import FileInvalid, WeightsDoNotFit, WeightsNotFinite
from app.domain.errors.model_formats import VocabularyUnfit
from app.domain.models import ModelFacts, ModelHints, TextInput
from app.formats.json_files import checked_labels, read_json_model
from app.formats.safetensors_files import read_linear_weights, read_weight_file
from app.formats.word_vectors.raw_vectors import read_raw_vectors, read_vocabulary_file
from app.learn.word_vectors import MAX_WORDS, Pooling, WordVectorNetwork, WordVocabulary

DEFAULT_MAX_WORDS = 200_000
_ARCHITECTURE = "WordVectors-"
MATRIX_FILE = "vectors.safetensors"
VOCABULARY_FILE = "vocabulary.txt"
HEAD_WEIGHTS_FILE = "head.safetensors"
DESCRIPTION_FILE = "word_vectors.json"


def inspect_folder(folder: Path, hints: ModelHints) -> ModelFacts:
    """The facts; raises a RejectedFile.

    Text is slow to read, so what a raw file holds is written beside it in the kept layout, which
    `load` prefers. `hints.vectors` may ask for the first `words` and for a `pooling`; what
    `word_vectors.json` says wins.
    """
    described = (folder / DESCRIPTION_FILE).is_file()
    network, notes = read_network(folder, int(hints.vectors.get("words") or DEFAULT_MAX_WORDS))
    if not described or "pooling" not in read_description(folder).model_fields_set:
        network = _with_pooling(network, Pooling(hints.vectors.get("pooling") or network.pooling))
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
    return _with_pooling(network, Pooling(facts.architecture.removeprefix(_ARCHITECTURE)))


def facts_of(network: WordVectorNetwork, notes: tuple[str, ...] = ()) -> ModelFacts:
    """What is known of a network of word vectors."""
    return ModelFacts(
        format=Format.WORD_VECTORS,
        task=Task.TEXT_CLASSIFICATION if network.labels else Task.FEATURE_EXTRACTION,
        labels=network.labels,
        input=TextInput(MAX_WORDS),
        architecture=f"{_ARCHITECTURE}{network.pooling}",
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        words=len(network.vectors),
        notes=notes,
    )


def _with_pooling(network: WordVectorNetwork, pooling: Pooling) -> WordVectorNetwork:
    """The same vectors under another pooling; a head goes along."""
    if pooling is network.pooling:
        return network
    other = WordVectorNetwork(network.vectors, network.vocabularies, pooling, network.labels)
    other.classifier = network.classifier
    return other


def read_network(folder: Path, limit: int) -> tuple[WordVectorNetwork, tuple[str, ...]]:
    """The network of a folder in either layout, and notes on what reading it left out.

    Vectors in the kept layout are memory mapped: words that no text asks for are never read. Of
    raw ones the first `limit` are read. Raises a RejectedFile.
    """
    description = read_description(folder)
    common: Tensor | None = None
    notes: tuple[str, ...] = ()
    if (folder / MATRIX_FILE).is_file():
        tensors = read_weight_file(folder / MATRIX_FILE, "holds the vectors", "")
        vectors, common = _matrix(tensors), tensors.get("common")
        words = read_vocabulary_file(folder / VOCABULARY_FILE)
    else:
        raw = read_raw_vectors(folder, limit)
        vectors, words, notes = torch.from_numpy(raw.matrix), raw.words, raw.notes
    if len(words) != len(vectors):
        raise VocabularyUnfit(len(words), len(vectors))
    vocabularies = _vocabularies(description, words)
    if common is not None and common.shape != (len(vocabularies), vectors.shape[1]):
        raise WeightsDoNotFit(MATRIX_FILE, "`common` has another shape than the vectors ask for")
    network = WordVectorNetwork(
        vectors, vocabularies, description.pooling, description.labels, common
    )
    if description.labels:
        _read_head(network, folder / HEAD_WEIGHTS_FILE)
    return network, notes


def write_network(network: WordVectorNetwork, folder: Path) -> None:
    """Write the kept layout: matrix, vocabulary, description, and the head where there is one."""
    write_vectors(network, folder)
    if network.classifier is not None:
        weights = {name: t.contiguous() for name, t in network.classifier.state_dict().items()}
        save_file(weights, folder / HEAD_WEIGHTS_FILE)


def write_vectors(network: WordVectorNetwork, folder: Path) -> None:
    """The same without the head."""
    tensors = {"vectors": network.vectors.contiguous(), "common": network.common.contiguous()}
    save_file(tensors, folder / MATRIX_FILE)
    words = [word for vocabulary in network.vocabularies for word in vocabulary.words]
    (folder / VOCABULARY_FILE).write_bytes(("\n".join(words) + "\n").encode())
    ranges = tuple(
        VocabularyRange(language=one.language, words=len(one)) for one in network.vocabularies
    )
    description = WordVectorsConfig(
        pooling=network.pooling, labels=network.labels, vocabularies=ranges
    )
    write_description(description, folder)


def _matrix(tensors: dict[str, Tensor]) -> Tensor:
    vectors = tensors.get("vectors")
    if vectors is None or vectors.ndim != 2 or not vectors.is_floating_point():
        raise FileInvalid(MATRIX_FILE, "it holds no matrix of numbers called `vectors`")
    return vectors.float()


def _vocabularies(description: WordVectorsConfig, words: list[str]) -> list[WordVocabulary]:
    ranges = description.vocabularies or (VocabularyRange(words=len(words)),)
    if sum(one.words for one in ranges) != len(words):
        raise FileInvalid(
            DESCRIPTION_FILE, f"its vocabularies do not add up to the {len(words)} words there are"
        )
    found, start = [], 0
    for one in ranges:
        found.append(WordVocabulary(one.language, words[start : start + one.words], start))
        start += one.words
    return found


def _read_head(network: WordVectorNetwork, file: Path) -> None:
    advice = f"Add it (`weight` and `bias`), or leave `labels` out of {DESCRIPTION_FILE}."
    shape = len(network.labels), network.width
    weights = read_linear_weights(file, shape, "holds the head of the labels named", advice)
    assert network.classifier is not None
    network.classifier.load_state_dict(weights)


class VocabularyRange(BaseModel):
    """So many words of the vocabulary file, the next in turn, are of one language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "und"
    words: int = Field(ge=1)


class WordVectorsConfig(BaseModel):
    """The content of `word_vectors.json`; every field may be left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = Pooling.MEAN
    labels: tuple[str, ...] = ()
    vocabularies: tuple[VocabularyRange, ...] = ()


def read_description(folder: Path) -> WordVectorsConfig:
    """`word_vectors.json`, or the defaults without one; raises FileInvalid."""
    file = folder / DESCRIPTION_FILE
    if not file.is_file():
        return WordVectorsConfig()
    description = read_json_model(file, WordVectorsConfig)
    if description.labels:
        checked_labels(DESCRIPTION_FILE, list(description.labels))
    return description


def write_description(description: WordVectorsConfig, folder: Path) -> None:
    """Write `word_vectors.json`."""
    text = description.model_dump_json(indent=2)
    (folder / DESCRIPTION_FILE).write_text(text, encoding="utf-8")
