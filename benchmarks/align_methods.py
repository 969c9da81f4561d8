"""The service's own ways to align a pair of languages, as the benchmark compares them."""

from __future__ import annotations

import torch
from torch import Tensor

from app.learn.alignment.maps import normalised, orthogonal_map, refine_rcsls, weighted_maps
from app.learn.alignment.self_learning import (
    SelfLearningOptions,
    identical_words,
    induce_dictionary,
    self_learn,
    similarity_distributions,
)
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import TextPairs
from app.learn.word_vectors import Pooling, WordVectorNetwork, WordVocabulary
from app.methods.align.method import run
from app.methods.align.spec import AlignParameters
from app.methods.contract import MethodInput
from benchmarks.align_task import STEPS, Task

# The same for both sides; with VecMap's own (20,000 words, 50 rounds) it takes hours on two cores.
CUTOFF, PATIENCE = 5000, 5


def procrustes(task: Task) -> tuple[Tensor, Tensor]:
    """Orthogonal Procrustes, fitted once."""
    (x, z), (first, second) = task.normal(), task.positions()
    return x @ orthogonal_map(x[first], z[second]), z


def method(task: Task) -> tuple[Tensor, Tensor]:
    """What the method serves: both vocabularies of one model, normalised again."""
    networks = [
        WordVectorNetwork(
            torch.from_numpy(one.matrix), [WordVocabulary(tag, one.words)], Pooling.MEAN
        )
        for tag, one in (("en", task.source), ("xx", task.target))
    ]
    given = MethodInput(
        network=networks[0],
        parameters=AlignParameters(held_out=0),
        dictionary=TextPairs(*(tuple(side) for side in zip(*task.train, strict=True))),
        auxiliary_model=networks[1],
        source_language="en",
        target_language="xx",
    )
    network = run(given, NullMonitor()).network
    assert isinstance(network, WordVectorNetwork)
    x, z = (normalised(network.vectors[one.rows], STEPS) for one in network.vocabularies)
    return x, z


def weighted(task: Task, pairs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Both spaces in a common one, whitened and re-weighted."""
    x, z = task.normal()
    maps = weighted_maps(x[pairs[0]], z[pairs[1]])
    return x @ maps.source, z @ maps.target


def rcsls(task: Task) -> tuple[Tensor, Tensor]:
    """Procrustes, carried on by RCSLS."""
    (x, z), pairs = task.normal(), task.positions()
    start = orthogonal_map(x[pairs[0]], z[pairs[1]])
    return x @ refine_rcsls(x, z, pairs, start).map, z


def self_learnt(task: Task, unsupervised: bool) -> tuple[Tensor, Tensor]:
    """Self-learning from identical words or from nothing, then the re-weighted maps."""
    x, z = task.normal()
    seed = identical_words(task.source.words, task.target.words)
    if unsupervised:
        seed = similarity_distributions(x, z, STEPS)
    how = SelfLearningOptions(vocabulary=CUTOFF, patience=PATIENCE)
    return weighted(task, self_learn(x, z, seed, how).dictionary)


def round(task: Task, vocabulary: int, weighted: bool) -> None:
    """One round of self-learning from the dictionary, and the map to what it induced."""
    (x, z), (first, second) = task.normal(), task.positions()
    rotation = orthogonal_map(x[first], z[second])
    pairs = induce_dictionary(x[:vocabulary] @ rotation, z[:vocabulary]).pairs
    if weighted:
        maps = weighted_maps(x[pairs[0]], z[pairs[1]])
        _ = x @ maps.source, z @ maps.target
    else:
        orthogonal_map(x[pairs[0]], z[pairs[1]])
