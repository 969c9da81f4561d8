"""The layout in which models of word vectors are kept: quick to open, memory mapped."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from app.domain.errors.model_files import FileInvalid, WeightsDoNotFit
from app.domain.errors.word_vectors import VocabularyUnfit
from app.formats.weight_file import read_weight_file
from app.formats.word_vectors.array_file import read_vocabulary_file
from app.formats.word_vectors.description import (
    DESCRIPTION_FILE,
    Description,
    VocabularyRange,
    read_description,
    write_description,
)
from app.formats.word_vectors.find_raw import read_raw
from app.learn.word_vectors.network import WordVectorNetwork
from app.learn.word_vectors.vocabulary import Vocabulary

MATRIX_FILE = "vectors.safetensors"
VOCABULARY_FILE = "vocabulary.txt"
HEAD_WEIGHTS_FILE = "head.safetensors"


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
        raw = read_raw(folder, limit)
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
    description = Description(pooling=network.pooling, labels=network.labels, vocabularies=ranges)
    write_description(description, folder)


def _matrix(tensors: dict[str, Tensor]) -> Tensor:
    vectors = tensors.get("vectors")
    if vectors is None or vectors.ndim != 2 or not vectors.is_floating_point():
        raise FileInvalid(MATRIX_FILE, "it holds no matrix of numbers called `vectors`")
    return vectors.float()


def _vocabularies(description: Description, words: list[str]) -> list[Vocabulary]:
    ranges = description.vocabularies or (VocabularyRange(words=len(words)),)
    if sum(one.words for one in ranges) != len(words):
        raise FileInvalid(
            DESCRIPTION_FILE, f"its vocabularies do not add up to the {len(words)} words there are"
        )
    found, start = [], 0
    for one in ranges:
        found.append(Vocabulary(one.language, words[start : start + one.words], start))
        start += one.words
    return found


def _read_head(network: WordVectorNetwork, file: Path) -> None:
    advice = f"Add it (`weight` and `bias`), or leave `labels` out of {DESCRIPTION_FILE}."
    weights = read_weight_file(file, "holds the head of the labels named", advice)
    classes = len(network.labels)
    wanted = {"weight": (classes, network.width), "bias": (classes,)}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if found != wanted:
        raise WeightsDoNotFit(file.name, f"it holds {found}, but {wanted} is needed")
    assert network.classifier is not None
    network.classifier.load_state_dict(weights)
