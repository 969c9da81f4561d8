"""The work of `distill`."""

from __future__ import annotations

import torch
from torch import Tensor

from app.domain.errors.bridging import HeadNotBridgeable
from app.learn.bridge_texts import BridgeTexts, bridge_texts
from app.learn.bridgeable import Bridgeable
from app.learn.bridging import BridgeOptions, fit_bridge
from app.learn.checkpoints import CheckpointsWithin, NoCheckpoints
from app.learn.distilling import Lesson, distill
from app.learn.examples import texts_of
from app.learn.monitor import Monitor
from app.learn.network import Batch, Network
from app.learn.portion import Portion
from app.learn.ridge import squared_error
from app.learn.sentence_vectors import sentence_vectors
from app.learn.training import Loss
from app.learn.vector_cache import MemoryVectors
from app.methods.contract import MethodInput, MethodOutput
from app.methods.distill.spec import Target


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Start as `bridge` with sentence pairs ends, then train the student on both sides of them.

    A student's vectors of a sentence and of its translation both come close to the teacher's
    vector of the sentence (Reimers & Gurevych, 2020), or its logits do (Hinton et al., 2015). The
    languages are not centred: training moves the vectors, so their means would not stay true.
    """
    teacher, student = given.network, given.companion
    if not isinstance(teacher, Bridgeable) or student is None:
        raise HeadNotBridgeable(type(teacher).__name__)
    if isinstance(student, Bridgeable):
        student.bridge = None
    vectors = given.vectors or MemoryVectors()
    texts = _texts(given)
    options = BridgeOptions(centring=False, rank=given.parameters.rank)
    bridge, account = fit_bridge(
        teacher, student, texts, options, vectors, Portion(monitor, 0.0, 0.15)
    )
    told = sentence_vectors(teacher, texts.source, vectors, Portion(monitor, 0.15, 0.2))
    lesson = _lesson(given, teacher, texts, told)
    made = teacher.behind(student, bridge)
    history, stopped = distill(
        made,
        lesson,
        given.parameters.options(),
        given.seed,
        Portion(monitor, 0.2, 1.0),
        CheckpointsWithin(given.checkpoints or NoCheckpoints(), "distill"),
    )
    return MethodOutput(made, history, stopped, {"bridge": account}, rebuilt=True)


def _texts(given: MethodInput) -> BridgeTexts:
    source = [] if given.source is None else texts_of(given.source.inputs)
    source += texts_of(given.source_unlabelled or [])
    return bridge_texts((given.source_language, given.target_language), source, [], given.parallel)


def _lesson(given: MethodInput, teacher: Network, texts: BridgeTexts, told: Tensor) -> Lesson:
    """Every source text and every target side of a pair, with what the teacher says of it."""
    position = {text: i for i, text in enumerate(texts.source)}
    left = torch.tensor([position[text] for text in texts.pairs.source])
    inputs = texts.source + list(texts.pairs.target)
    told = torch.cat([told, told[left]])
    if given.parameters.target is Target.VECTORS or not teacher.labels:
        return Lesson(inputs, told, _features, squared_error, given.validation)
    with torch.no_grad():
        logits = teacher.head(told)
    loss = _divergence(teacher, given.parameters.temperature)
    return Lesson(inputs, logits, _logits, loss, given.validation)


def _features(student: Network, batch: Batch) -> Tensor:
    return student.features(batch)


def _logits(student: Network, batch: Batch) -> Tensor:
    logits: Tensor = student(batch)
    return logits


def _divergence(teacher: Network, temperature: float) -> Loss:
    """Cross-entropy of softened answers: the divergence and a constant; as large as unsoftened."""
    objective = teacher.objective

    def loss(logits: Tensor, told: Tensor) -> Tensor:
        expected = objective.probabilities(told / temperature)
        return temperature**2 * objective.loss(logits / temperature, expected)

    return loss
