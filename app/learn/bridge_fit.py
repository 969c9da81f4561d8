"""Fits the bridge from another encoder to a network's head: centring and a ridge regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.domain.enums import Task
from app.domain.errors.methods import HeadNotBridgeable, TooFewRowsForMap, TooFewRowsToCentre
from app.learn.bridge import Bridge, Bridgeable, LanguageShift
from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import MIN_TEXTS_TO_CENTRE, BilingualTexts, Examples, texts_of
from app.learn.data.splits import fold_numbers
from app.learn.devices import best_device
from app.learn.inference import encode
from app.learn.network import Network
from app.learn.vector_cache import VectorCache

_MIN_ROWS_PER_LABEL = 10
# Multiples of the inputs' mean variance per row: from hardly any ridge to hardly any map.
STRENGTHS = tuple(10.0 ** (k / 3) for k in range(-12, 7))
MapLoss = Callable[[Tensor, Tensor], Tensor]
_MIN_FRAGMENT_WORDS = 2  # in a fragment, where a text is cut between words
_MIN_FRAGMENT_CHARACTERS = 4  # in a fragment of a text of few words


@dataclass(frozen=True)
class BridgeOptions:
    """How a bridge is fitted.

    `centring`: shift each language's vectors onto the source language's; `fragments`: fit the map
    on halves and quarters of each source text as well; `rank` and `strength` as in `fit_ridge`.
    """

    centring: bool = True
    fragments: bool = True
    rank: int | None = None
    strength: float | None = None


def fit_bridge(
    teacher: Network,
    encoder: Network,
    texts: BilingualTexts,
    options: BridgeOptions,
    vectors: VectorCache | None,
    monitor: Monitor,
    labelled: Examples | None = None,
) -> tuple[Bridge, dict[str, Any]]:
    """The bridge from `encoder`'s features to what `teacher`'s head reads, and a report on it.

    Both are in eval mode, and `encoder` has no bridge. Where both give the same vectors (the same
    encoder) no map is fitted. With sentence pairs the map learns from both sides. `labelled` are
    source rows, by which the target's own label shares are taken out of its mean. Raises
    TooFewRowsForMap, TooFewRowsToCentre and HeadNotBridgeable.
    """
    teacher_vectors = sentence_vectors(
        teacher, texts.source, vectors, SubProgress(monitor, 0.0, 0.2)
    )
    source_vectors = sentence_vectors(
        encoder, texts.source, vectors, SubProgress(monitor, 0.2, 0.4)
    )
    target_vectors = sentence_vectors(
        encoder, texts.target, vectors, SubProgress(monitor, 0.4, 0.6)
    )
    shift = _shift(texts, source_vectors, target_vectors, labelled) if options.centring else None
    bridge = Bridge(shift=shift)
    report: dict[str, Any] = {
        "source_texts": len(texts.source),
        "target_texts": len(texts.target),
        "pairs": len(texts.pairs),
        "centred": list(bridge.languages),
        "map": None,
    }
    if source_vectors.shape != teacher_vectors.shape or not torch.allclose(
        source_vectors, teacher_vectors, atol=1e-4
    ):
        everyone = torch.ones(len(source_vectors), dtype=torch.bool)
        rows = _MapRows(
            source_vectors, teacher_vectors, torch.arange(len(source_vectors)), everyone
        )
        if len(texts.pairs):
            rows = _with_pairs(rows, texts, bridge.shift, target_vectors)
        if options.fragments:
            rest = SubProgress(monitor, 0.6, 0.9)
            rows = _with_fragments(rows, teacher, encoder, texts.source, vectors, rest)
        monitor.progress("fitting the map", 0.9)
        report["map"] = _fit(bridge, teacher, rows, options)
    monitor.progress("fitting the map", 1.0)
    return bridge.eval(), report


def centre_language(
    network: Network,
    texts: BilingualTexts,
    vectors: VectorCache | None,
    monitor: Monitor,
    labelled: Examples | None = None,
) -> dict[str, Any]:
    """Let `network`, which is Bridgeable, shift target texts onto the source language; in place.

    What it is bridged by already stays: its map, and the means of other languages. `labelled` are
    source rows, by which the target's own label shares are taken out of its mean. Returns a
    report. Raises TooFewRowsToCentre and HeadNotBridgeable.
    """
    assert isinstance(network, Bridgeable)
    bridge, network.bridge = network.bridge or Bridge(), None
    source_vectors = sentence_vectors(
        network, texts.source, vectors, SubProgress(monitor, 0.0, 0.5)
    )
    target_vectors = sentence_vectors(
        network, texts.target, vectors, SubProgress(monitor, 0.5, 1.0)
    )
    require_enough_to_centre(texts.target_language, target_vectors)
    if bridge.shift is None:
        source = {
            texts.source_language: require_enough_to_centre(texts.source_language, source_vectors)
        }
        bridge.shift = LanguageShift.of(source)
    label_offset = target_label_shift_offset(texts, labelled, source_vectors, target_vectors)
    bridge.shift = bridge.shift.with_language(texts.target_language, target_vectors, label_offset)
    network.bridge = bridge.eval()
    return {
        "source_texts": len(source_vectors),
        "target_texts": len(target_vectors),
        "centred": list(bridge.languages),
        "map": None,
    }


def _shift(
    texts: BilingualTexts, source_vectors: Tensor, target_vectors: Tensor, labelled: Examples | None
) -> LanguageShift | None:
    """Of the target language onto the source language, where they are two."""
    source, target = texts.source_language, texts.target_language
    if not texts.target or source == target:
        return None
    alone = LanguageShift.of({source: require_enough_to_centre(source, source_vectors)})
    label_offset = target_label_shift_offset(texts, labelled, source_vectors, target_vectors)
    return alone.with_language(
        target, require_enough_to_centre(target, target_vectors), label_offset
    )


@dataclass(frozen=True)
class _MapRows:
    """What the map is fitted on, as `fit_ridge` takes it."""

    x: Tensor
    y: Tensor
    groups: Tensor
    evaluated: Tensor

    def extended(self, x: Tensor, y: Tensor, groups: Tensor, evaluated: bool) -> _MapRows:
        return _MapRows(
            torch.cat([self.x, x]),
            torch.cat([self.y, y]),
            torch.cat([self.groups, groups]),
            torch.cat([self.evaluated, torch.full((len(x),), evaluated)]),
        )


def _with_pairs(
    rows: _MapRows, texts: BilingualTexts, shift: LanguageShift | None, target_vectors: Tensor
) -> _MapRows:
    """And the pairs' target sides, which are to come out where their source sides do."""
    source = {text: i for i, text in enumerate(texts.source)}
    target = {text: i for i, text in enumerate(texts.target)}
    left = torch.tensor([source[text] for text in texts.pairs.source])
    right = torch.tensor([target[text] for text in texts.pairs.target])
    moved = target_vectors if shift is None else target_vectors + (shift.means[0] - shift.means[1])
    return rows.extended(moved[right], rows.y[left], left, evaluated=True)


def _with_fragments(
    rows: _MapRows,
    teacher: Network,
    encoder: Network,
    source: list[str],
    vectors: VectorCache | None,
    monitor: Monitor,
) -> _MapRows:
    texts, positions = text_fragments(source)
    if not texts:
        return rows
    teacher_vectors = sentence_vectors(teacher, texts, vectors, SubProgress(monitor, 0.0, 0.5))
    source_vectors = sentence_vectors(encoder, texts, vectors, SubProgress(monitor, 0.5, 1.0))
    return rows.extended(source_vectors, teacher_vectors, torch.tensor(positions), evaluated=False)


def text_fragments(texts: list[str]) -> tuple[list[str], list[int]]:
    """The halves and quarters of each text, and the position of the text that each is of.

    A text is cut between words, or between characters where it has few words; what would become
    too short is not cut.
    """
    found: list[str] = []
    positions: list[int] = []
    for position, text in enumerate(texts):
        cut = [*_cut(text, 2), *_cut(text, 4)]
        found += cut
        positions += [position] * len(cut)
    return found, positions


def _cut(text: str, parts: int) -> list[str]:
    words = text.split()
    if len(words) >= _MIN_FRAGMENT_WORDS * parts:
        return [" ".join(words[start:end]) for start, end in _bounds(len(words), parts)]
    if len(words) < 4 and len(text) >= _MIN_FRAGMENT_CHARACTERS * parts:
        return [text[start:end] for start, end in _bounds(len(text), parts)]
    return []


def _bounds(length: int, parts: int) -> list[tuple[int, int]]:
    return [(length * k // parts, length * (k + 1) // parts) for k in range(parts)]


def sentence_vectors(
    network: Network, texts: list[str], vectors: VectorCache | None, monitor: Monitor
) -> Tensor:
    """Float32 (n, width) on the CPU, where the network is afterwards; it must be in eval mode.

    Raises `HeadNotBridgeable` where a text has no single vector.
    """
    if not texts:
        monitor.progress("encoding", 1.0)
        return torch.zeros(0, 0)
    try:
        found = encode(network.to(best_device()), texts, vectors, monitor)
    finally:
        network.cpu()
    if found is None or found.ndim != 2:
        raise HeadNotBridgeable(type(network).__name__)
    return found.cpu()


def require_enough_to_centre(language: str, vectors: Tensor) -> Tensor:
    """`vectors`, which are of one language; raises `TooFewRowsToCentre`."""
    if len(vectors) < MIN_TEXTS_TO_CENTRE:
        raise TooFewRowsToCentre(language, len(vectors), MIN_TEXTS_TO_CENTRE)
    return vectors


def target_label_shift_offset(
    texts: BilingualTexts, labelled: Examples | None, source_vectors: Tensor, target_vectors: Tensor
) -> Tensor | None:
    """What label shares unlike the source's add to the mean of `target_vectors`, float64 (width,).

    `labelled` are source rows, whose vectors are among `source_vectors`, those of `texts.source`.
    None where rows do not have one label each of several, or fewer than ten of each on average.
    """
    if labelled is None or labelled.targets.ndim != 1:
        return None
    classes = int(labelled.targets.max()) + 1
    if len(np.unique(labelled.targets)) < 2 or len(labelled) < _MIN_ROWS_PER_LABEL * classes:
        return None
    # With what it needs of scipy and scikit-learn, this takes a second to import.
    from app.learn.heads.adapt_head import fit_source_head, label_shift_offset
    from app.learn.heads.logistic import centre_and_scale, labelled_features

    place = {text: i for i, text in enumerate(texts.source)}
    rows = source_vectors[[place[text] for text in texts_of(labelled.inputs)]].double().numpy()
    centre, scale = centre_and_scale(rows)
    source = labelled_features(rows, labelled).standardised(centre, scale)
    folds = fold_numbers(labelled, 0)
    fitted = fit_source_head(source, classes, folds, lambda _: None, least_loss=True)
    label_offset = label_shift_offset(
        source, fitted, (target_vectors.double().numpy() - centre) / scale
    )
    return torch.from_numpy(scale * label_offset)


def _fit(
    bridge: Bridge, teacher: Network, rows: _MapRows, options: BridgeOptions
) -> dict[str, Any]:
    unit = isinstance(teacher, Bridgeable) and teacher.unit_features
    loss = _loss(teacher, unit)
    found = fit_ridge(
        rows.x, rows.y, rows.groups, rows.evaluated, loss, options.rank, options.strength
    )
    bridge.linear, bridge.normalize = _linear(found), unit
    return _report(teacher, found, rows.y[rows.evaluated], unit)


def _loss(teacher: Network, unit: bool) -> MapLoss:
    """How far the answers are that the teacher's own head gives to mapped vectors."""

    @torch.no_grad()
    def loss(predicted: Tensor, truth: Tensor) -> Tensor:
        predicted = functional.normalize(predicted, dim=-1) if unit else predicted
        if not teacher.labels:
            return squared_error(predicted, truth)
        objective = teacher.objective
        return objective.loss(teacher.head(predicted), objective.probabilities(teacher.head(truth)))

    return loss


def _linear(found: RidgeMap) -> nn.Linear:
    linear = nn.utils.skip_init(nn.Linear, found.weight.shape[1], found.weight.shape[0])
    linear.load_state_dict({"weight": found.weight, "bias": found.bias})
    return linear


@torch.no_grad()
def _report(teacher: Network, found: RidgeMap, truth: Tensor, unit: bool) -> dict[str, Any]:
    """The map in numbers; what is said of texts left out is by cross-validation."""
    predicted = functional.normalize(found.held_out, dim=-1) if unit else found.held_out
    report: dict[str, Any] = {
        "rank": found.rank,
        "strength": found.strength,
        "loss": found.losses[found.strength],
        "cosine": float(functional.cosine_similarity(predicted, truth).mean()),
    }
    if teacher.labels:
        answers = [_answers(teacher, vectors) for vectors in (predicted, truth)]
        report["same_answer"] = float((answers[0] == answers[1]).all(dim=1).float().mean())
    return report


def _answers(teacher: Network, vectors: Tensor) -> Tensor:
    """The likeliest label, (n, 1), or for sets of labels those likelier than not, (n, labels)."""
    logits = teacher.head(vectors)
    if teacher.task is Task.MULTI_LABEL_CLASSIFICATION:
        return logits > 0
    return logits.argmax(dim=1, keepdim=True)


def squared_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared distance of the rows: float (), for float (n, out) both."""
    return (predicted - truth).square().sum(dim=1).mean()


@dataclass(frozen=True)
class RidgeMap:
    """`x @ weight.T + bias`: `weight` float32 (out, in), `bias` float32 (out,).

    `strength` is the ridge as a multiple of the inputs' mean variance, and `losses` has the
    cross-validated loss of each strength tried. `held_out`, float32 (judged rows, out), is what
    the map says of each row when it is fitted on the other folds.
    """

    weight: Tensor
    bias: Tensor
    strength: float
    rank: int
    losses: dict[float, float]
    held_out: Tensor


def fit_ridge(
    x: Tensor,
    y: Tensor,
    groups: Tensor,
    evaluated: Tensor | None = None,
    loss: MapLoss = squared_error,
    rank: int | None = None,
    strength: float | None = None,
    folds: int = 5,
) -> RidgeMap:
    """The map of float (n, in) `x` onto float (n, out) `y` that `loss` likes best on rows left out.

    Ridge regression with an intercept (Hoerl & Kennard, 1970), in float64. The strength is chosen
    by cross-validation; rows of one group (int64 (n,)), such as a sentence and its translation,
    are in the same fold, and `loss` looks at `evaluated` rows (bool (n,); None means all). A `rank`
    below both widths keeps the directions of most predicted variance (reduced-rank regression;
    Izenman, 1975).

    Rows of one group tell the same about `y`, and n groups span n - 1 dimensions around their
    mean: raises `TooFewRowsForMap` unless there are more groups than the map's rank.
    """
    widest = min(x.shape[1], y.shape[1])
    rank = min(rank or widest, widest)
    distinct = len(torch.unique(groups))
    if distinct <= rank:
        raise TooFewRowsForMap(distinct, rank)
    x, y = x.double(), y.double()
    evaluated = torch.ones(len(x), dtype=torch.bool) if evaluated is None else evaluated
    parts = [_Fold(x, y, out, evaluated) for out in _folds(groups, folds)]
    truth, losses = y[evaluated].float(), {}
    for tried in STRENGTHS if strength is None else (strength,):
        losses[tried] = float(loss(_held_out(parts, y, evaluated, tried, rank), truth))
    chosen = min(losses, key=losses.__getitem__)
    weight, bias = _Solver(x, y).solve(chosen, rank)
    held_out = _held_out(parts, y, evaluated, chosen, rank)
    return RidgeMap(weight.float(), bias.float(), chosen, rank, losses, held_out)


def _held_out(
    parts: list[_Fold], y: Tensor, evaluated: Tensor, strength: float, rank: int
) -> Tensor:
    predicted = torch.empty_like(y)
    for part in parts:
        predicted[part.rows] = part.predict(strength, rank)
    return predicted[evaluated].float()


def _folds(groups: Tensor, folds: int) -> list[Tensor]:
    """Bool (n,) masks of the rows left out; groups are dealt out in a fixed random order."""
    names, number = torch.unique(groups, return_inverse=True)
    order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))
    fold = (torch.arange(len(names)) % folds)[torch.argsort(order)][number]
    return [fold == k for k in range(min(folds, len(names)))]


class _Solver:
    """One decomposition of the inputs' covariance, from which every strength is solved."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self._mean_x, self._mean_y = x.mean(dim=0), y.mean(dim=0)
        self._x = x - self._mean_x
        self._values, self._vectors = torch.linalg.eigh(self._x.T @ self._x)
        self._cross = self._vectors.T @ (self._x.T @ (y - self._mean_y))
        self._variance = float(self._values.clamp(min=0).mean()) or 1.0

    def coordinates(self, x: Tensor) -> Tensor:
        """The coordinates of `x`, (n, in), by which `predict` predicts."""
        return (x - self._mean_x) @ self._vectors

    def predict(self, coordinates: Tensor, strength: float) -> Tensor:
        """What the map of full rank says: (n, out)."""
        return coordinates @ (self._cross / self._shrunk(strength)) + self._mean_y

    def solve(self, strength: float, rank: int) -> tuple[Tensor, Tensor]:
        """Weight (out, in) and bias (out,), float64."""
        weight = (self._vectors @ (self._cross / self._shrunk(strength))).T
        if rank < min(weight.shape):
            directions = torch.linalg.svd(self._x @ weight.T, full_matrices=False).Vh[:rank]
            weight = directions.T @ (directions @ weight)
        return weight, self._mean_y - weight @ self._mean_x

    def _shrunk(self, strength: float) -> Tensor:
        return (self._values.clamp(min=0) + strength * self._variance).unsqueeze(1)


class _Fold:
    """One fold: the map fitted without its rows, for the judged ones among them."""

    def __init__(self, x: Tensor, y: Tensor, out: Tensor, evaluated: Tensor) -> None:
        self.rows = out & evaluated
        self._x = x[self.rows]
        self._full = min(x.shape[1], y.shape[1])
        self._solver = _Solver(x[~out], y[~out])
        self._coordinates = self._solver.coordinates(self._x)

    def predict(self, strength: float, rank: int) -> Tensor:
        """What the map of `rank` says of the rows: (k, out)."""
        if rank == self._full:
            return self._solver.predict(self._coordinates, strength)
        weight, bias = self._solver.solve(strength, rank)
        return self._x @ weight.T + bias
