"""The service's own ways to align a pair of languages, as the benchmark compares them."""

from __future__ import annotations

import torch
from torch import Tensor

from app.learn.alignment.induction import induce
from app.learn.alignment.normalisation import normalised
from app.learn.alignment.procrustes import orthogonal_map
from app.learn.alignment.rcsls import refine_rcsls
from app.learn.alignment.seeds import identical_words, similarity_distributions
from app.learn.alignment.self_learning import SelfLearning, self_learn
from app.learn.alignment.weighted_maps import weighted_maps
from app.learn.monitor import Silence
from app.learn.pairs import Pairs
from app.learn.word_vectors.network import WordVectorNetwork
from app.learn.word_vectors.pooling import Pooling
from app.learn.word_vectors.vocabulary import Vocabulary
from app.methods.align.run import run
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
        WordVectorNetwork(torch.from_numpy(one.matrix), [Vocabulary(tag, one.words)], Pooling.MEAN)
        for tag, one in (("en", task.source), ("xx", task.target))
    ]
    given = MethodInput(
        network=networks[0],
        parameters=AlignParameters(held_out=0),
        dictionary=Pairs(*(tuple(side) for side in zip(*task.train, strict=True))),
        companion=networks[1],
        source_language="en",
        target_language="xx",
    )
    network = run(given, Silence()).network
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
    how = SelfLearning(vocabulary=CUTOFF, patience=PATIENCE)
    return weighted(task, self_learn(x, z, seed, how).dictionary)


def round(task: Task, vocabulary: int, weighted: bool) -> None:
    """One round of self-learning from the dictionary, and the map to what it induced."""
    (x, z), (first, second) = task.normal(), task.positions()
    rotation = orthogonal_map(x[first], z[second])
    pairs = induce(x[:vocabulary] @ rotation, z[:vocabulary]).pairs
    if weighted:
        maps = weighted_maps(x[pairs[0]], z[pairs[1]])
        _ = x @ maps.source, z @ maps.target
    else:
        orthogonal_map(x[pairs[0]], z[pairs[1]])
