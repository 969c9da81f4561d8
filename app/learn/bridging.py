"""Fits the bridge by which a network's head can stand behind another encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from app.domain.enums import Task
from app.learn.bridge import Bridge
from app.learn.bridge_texts import BridgeTexts
from app.learn.bridgeable import Bridgeable
from app.learn.centring import mix_of
from app.learn.examples import Examples
from app.learn.language_shift import LanguageShift
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.pieces import pieces
from app.learn.portion import Portion
from app.learn.ridge import Loss, RidgeMap, fit_ridge, squared_error
from app.learn.sentence_vectors import enough_to_centre, sentence_vectors
from app.learn.vector_cache import VectorCache


@dataclass(frozen=True)
class BridgeOptions:
    """`centring`: shift each language's vectors onto the source language's; `pieces`: fit the map
    on pieces of each source text as well; `rank` and `strength` as in `fit_ridge`.
    """

    centring: bool = True
    pieces: bool = True
    rank: int | None = None
    strength: float | None = None


@dataclass(frozen=True)
class _Rows:
    """What the map is fitted on, as `fit_ridge` takes it."""

    x: Tensor
    y: Tensor
    groups: Tensor
    judged: Tensor

    def and_more(self, x: Tensor, y: Tensor, groups: Tensor, judged: bool) -> _Rows:
        return _Rows(
            torch.cat([self.x, x]),
            torch.cat([self.y, y]),
            torch.cat([self.groups, groups]),
            torch.cat([self.judged, torch.full((len(x),), judged)]),
        )


def fit_bridge(
    teacher: Network,
    encoder: Network,
    texts: BridgeTexts,
    options: BridgeOptions,
    vectors: VectorCache | None,
    monitor: Monitor,
    labelled: Examples | None = None,
) -> tuple[Bridge, dict[str, Any]]:
    """The bridge from `encoder`'s features to what `teacher`'s head reads, and an account of it.

    Both are in eval mode, and `encoder` has no bridge. Where both give the same vectors (the same
    encoder) no map is fitted. With sentence pairs the map learns from both sides. `labelled` are
    source rows, by which the target's own label shares are taken out of its mean. Raises
    TooFewRowsForMap, TooFewRowsToCentre and HeadNotBridgeable.
    """
    told = sentence_vectors(teacher, texts.source, vectors, Portion(monitor, 0.0, 0.2))
    seen = sentence_vectors(encoder, texts.source, vectors, Portion(monitor, 0.2, 0.4))
    foreign = sentence_vectors(encoder, texts.target, vectors, Portion(monitor, 0.4, 0.6))
    shift = _shift(texts, seen, foreign, labelled) if options.centring else None
    bridge = Bridge(shift=shift)
    account: dict[str, Any] = {
        "source_texts": len(texts.source),
        "target_texts": len(texts.target),
        "pairs": len(texts.pairs),
        "centred": list(bridge.languages),
        "map": None,
    }
    if seen.shape != told.shape or not torch.allclose(seen, told, atol=1e-4):
        everyone = torch.ones(len(seen), dtype=torch.bool)
        rows = _Rows(seen, told, torch.arange(len(seen)), everyone)
        if len(texts.pairs):
            rows = _with_pairs(rows, texts, bridge.shift, foreign)
        if options.pieces:
            rest = Portion(monitor, 0.6, 0.9)
            rows = _with_pieces(rows, teacher, encoder, texts.source, vectors, rest)
        monitor.progress("fitting the map", 0.9)
        account["map"] = _fit(bridge, teacher, rows, options)
    monitor.progress("fitting the map", 1.0)
    return bridge.eval(), account


def _shift(
    texts: BridgeTexts, seen: Tensor, foreign: Tensor, labelled: Examples | None
) -> LanguageShift | None:
    """Of the target language onto the source language, where they can be told apart."""
    source, target = texts.source_language, texts.target_language
    if not texts.target or source == target:
        return None
    alone = LanguageShift.of({source: enough_to_centre(source, seen)})
    mix = mix_of(texts, labelled, seen, foreign)
    return alone.added(target, enough_to_centre(target, foreign), mix)


def _with_pairs(
    rows: _Rows, texts: BridgeTexts, shift: LanguageShift | None, foreign: Tensor
) -> _Rows:
    """And the pairs' target sides, which are to come out where their source sides do."""
    source = {text: i for i, text in enumerate(texts.source)}
    target = {text: i for i, text in enumerate(texts.target)}
    left = torch.tensor([source[text] for text in texts.pairs.source])
    right = torch.tensor([target[text] for text in texts.pairs.target])
    moved = foreign if shift is None else foreign + (shift.means[0] - shift.means[1])
    return rows.and_more(moved[right], rows.y[left], left, judged=True)


def _with_pieces(
    rows: _Rows,
    teacher: Network,
    encoder: Network,
    source: list[str],
    vectors: VectorCache | None,
    monitor: Monitor,
) -> _Rows:
    texts, owners = pieces(source)
    if not texts:
        return rows
    told = sentence_vectors(teacher, texts, vectors, Portion(monitor, 0.0, 0.5))
    seen = sentence_vectors(encoder, texts, vectors, Portion(monitor, 0.5, 1.0))
    return rows.and_more(seen, told, torch.tensor(owners), judged=False)


def _fit(bridge: Bridge, teacher: Network, rows: _Rows, options: BridgeOptions) -> dict[str, Any]:
    unit = isinstance(teacher, Bridgeable) and teacher.unit_features
    loss = _loss(teacher, unit)
    found = fit_ridge(
        rows.x, rows.y, rows.groups, rows.judged, loss, options.rank, options.strength
    )
    bridge.linear, bridge.normalize = _linear(found), unit
    return _account(teacher, found, rows.y[rows.judged], unit)


def _loss(teacher: Network, unit: bool) -> Loss:
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
def _account(teacher: Network, found: RidgeMap, truth: Tensor, unit: bool) -> dict[str, Any]:
    """The map in numbers; what is said of texts left out is by cross-validation."""
    predicted = functional.normalize(found.held_out, dim=-1) if unit else found.held_out
    account: dict[str, Any] = {
        "rank": found.rank,
        "strength": found.strength,
        "loss": found.losses[found.strength],
        "cosine": float(functional.cosine_similarity(predicted, truth).mean()),
    }
    if teacher.labels:
        answers = [_answers(teacher, vectors) for vectors in (predicted, truth)]
        account["same_answer"] = float((answers[0] == answers[1]).all(dim=1).float().mean())
    return account


def _answers(teacher: Network, vectors: Tensor) -> Tensor:
    """The likeliest label, (n, 1), or for sets of labels those likelier than not, (n, labels)."""
    logits = teacher.head(vectors)
    if teacher.task is Task.MULTI_LABEL_CLASSIFICATION:
        return logits > 0
    return logits.argmax(dim=1, keepdim=True)
