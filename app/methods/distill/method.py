"""`distill`: trains a multilingual student on sentence pairs to answer as the model does."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from app.domain.errors.methods import HeadNotBridgeable
from app.learn.bridge import Bridgeable
from app.learn.bridge_fit import BridgeOptions, fit_bridge, sentence_vectors, squared_error
from app.learn.callbacks import Monitor, NoCheckpoints, PrefixedCheckpoints, SubProgress
from app.learn.data.examples import BilingualTexts
from app.learn.network import Batch, Network
from app.learn.training.distillation import DistillationData, distill
from app.learn.training.rows import LossFunction
from app.learn.vector_cache import MemoryVectorCache
from app.methods.bridge.method import texts_of_input
from app.methods.contract import MethodInput, MethodOutput
from app.methods.distill.spec import DistillationTarget


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Start as `bridge` with sentence pairs ends, then train the student on both sides of them.

    A student's vectors of a sentence and of its translation both come close to the teacher's
    vector of the sentence (Reimers & Gurevych, 2020), or its logits do (Hinton et al., 2015). The
    languages are not centred: training moves the vectors, so their means would not stay true.
    """
    teacher, student = method_input.network, method_input.auxiliary_model
    if not isinstance(teacher, Bridgeable) or student is None:
        raise HeadNotBridgeable(type(teacher).__name__)
    if isinstance(student, Bridgeable):
        student.bridge = None
    vectors = method_input.vectors or MemoryVectorCache()
    # Only target texts with a translation: the others have nothing to be trained towards.
    texts = texts_of_input(replace(method_input, unlabelled=None))
    options = BridgeOptions(centring=False, rank=method_input.parameters.rank)
    bridge, bridge_report = fit_bridge(
        teacher, student, texts, options, vectors, SubProgress(monitor, 0.0, 0.15)
    )
    teacher_vectors = sentence_vectors(
        teacher, texts.source, vectors, SubProgress(monitor, 0.15, 0.2)
    )
    data = _teacher_targets(method_input, teacher, texts, teacher_vectors)
    network = teacher.with_encoder(student, bridge)
    history, stopped = distill(
        network,
        data,
        method_input.parameters.options(),
        method_input.seed,
        SubProgress(monitor, 0.2, 1.0),
        PrefixedCheckpoints(method_input.checkpoints or NoCheckpoints(), "distill"),
    )
    return MethodOutput(network, history, stopped, {"bridge": bridge_report}, rebuilt=True)


def _teacher_targets(
    method_input: MethodInput, teacher: Network, texts: BilingualTexts, teacher_vectors: Tensor
) -> DistillationData:
    """Every source text and every target side of a pair, with the teacher's vectors or logits."""
    position = {text: i for i, text in enumerate(texts.source)}
    left = torch.tensor([position[text] for text in texts.pairs.source])
    inputs = texts.source + list(texts.pairs.target)
    teacher_vectors = torch.cat([teacher_vectors, teacher_vectors[left]])
    if method_input.parameters.target is DistillationTarget.VECTORS or not teacher.labels:
        return DistillationData(
            inputs, teacher_vectors, _features, squared_error, method_input.validation
        )
    with torch.no_grad():
        logits = teacher.head(teacher_vectors)
    loss = _divergence(teacher, method_input.parameters.temperature)
    return DistillationData(inputs, logits, _logits, loss, method_input.validation)


def _features(student: Network, batch: Batch) -> Tensor:
    return student.features(batch)


def _logits(student: Network, batch: Batch) -> Tensor:
    logits: Tensor = student(batch)
    return logits


def _divergence(teacher: Network, temperature: float) -> LossFunction:
    """Cross-entropy of softened answers: the divergence and a constant; as large as unsoftened."""
    objective = teacher.objective

    def loss(logits: Tensor, teacher_logits: Tensor) -> Tensor:
        expected = objective.probabilities(teacher_logits / temperature)
        return temperature**2 * objective.loss(logits / temperature, expected)

    return loss
