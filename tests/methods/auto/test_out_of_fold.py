"""What `auto` lets its candidates see, what it promises, and what it does with wrong heads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from app.learn.advice.abstention import abstention_threshold, check_threshold
from app.learn.callbacks import Monitor, NullMonitor
from app.learn.data.examples import Examples
from app.learn.heads.linear_probe import probe_answers
from app.learn.inference import predict
from app.methods.auto import candidates
from app.methods.auto.candidates import GRID, Trial, find_candidates, split_for_cross_validation
from app.methods.auto.method import run
from app.methods.auto.spec import AutoParameters
from app.methods.contract import MethodInput, MethodOutput, MethodSpec, method_named, run_of
from benchmarks.memoised import Memoised

CLASSES, WIDTH = 3, 24
ENTRIES = {entry.name: entry for entry in GRID}


class World:
    """Texts with vectors of three topics; every set of them is drawn anew."""

    def __init__(self, seed: int = 0) -> None:
        self.draw = np.random.default_rng(seed)
        self.corners = self.draw.normal(size=(CLASSES, WIDTH))
        self.vectors: list[np.ndarray] = []
        self.texts: dict[str, int] = {}

    def rows(self, count: int, noise: float = 0.0, permuted: bool = False) -> Examples:
        """`noise` is the share of labels that are drawn at random."""
        targets = np.arange(count) % CLASSES
        vectors = self.corners[targets] + 2.5 * self.draw.normal(size=(count, WIDTH))
        names = [f"text {len(self.texts) + i}" for i in range(count)]
        self.texts |= {name: len(self.texts) + i for i, name in enumerate(names)}
        self.vectors += list(vectors)
        targets = (targets + 1) % CLASSES if permuted else targets
        drawn = self.draw.integers(0, CLASSES, count)
        targets = np.where(self.draw.random(count) < noise, drawn, targets)
        return Examples(names, targets, np.arange(1, count + 1))

    def network(self, scale: float = 1.0) -> Memoised:
        """A head that knows the topics, the surer the larger `scale` is."""
        vectors = torch.tensor(np.array(self.vectors)).float()
        made = Memoised(tuple("abc"), vectors, self.texts, unit=False)
        with torch.no_grad():
            made.linear.weight.copy_(scale * torch.tensor(self.corners).float() / 6)
            made.linear.bias.zero_()
        return made.eval()


def _given(network: Memoised, **rest: Any) -> MethodInput:
    return MethodInput(
        network,
        AutoParameters(body_rows=1_000_000),
        seed=1,
        source_language="en",
        target_language="de",
        **rest,
    )


def _right(output: MethodOutput, rows: Examples) -> float:
    return float((predict(output.network, rows.inputs).argmax(axis=1) == rows.targets).mean())


def test_a_candidate_gets_the_roles_of_its_own_specification_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    train, source, texts = world.rows(30), world.rows(60), world.rows(40)
    seen: dict[str, list[MethodInput]] = {}

    def recorded(spec: MethodSpec) -> Any:
        def method(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
            seen.setdefault(spec.name, []).append(method_input)
            return run_of(spec)(method_input, monitor)

        return method

    monkeypatch.setattr(candidates, "run_of", recorded)
    method_input = _given(world.network(), train=train, source=source, unlabelled=texts.inputs)
    report = run(method_input, NullMonitor()).report
    assert {"fine-tune", "joint", "self-train", "bridge"} <= set(seen)
    for name, inputs in seen.items():
        assert all(one.roles <= method_named(name).roles for one in inputs)
    by_name = {one["name"]: one for one in report["candidates"]}
    assert by_name["joint, logistic"]["score"] != by_name["fine-tune, logistic"]["score"]


def test_what_is_promised_was_not_trained_on_nor_chosen_on() -> None:
    """Of labels a fifth are wrong, so that a model that has seen them looks better than it is."""
    kept = 0
    for seed in range(4):
        world = World(seed)
        train, validation = world.rows(90, noise=0.3), world.rows(60, noise=0.3)
        test = world.rows(2000, noise=0.3)
        output = run(_given(world.network(0.01), train=train, validation=validation), NullMonitor())
        assert output.fitted_on_validation
        held_out = output.out_of_fold
        assert held_out is not None
        assert len(held_out.rows) == 150
        truth = _right(output, test)
        out_of_fold = float((held_out.answers.argmax(axis=1) == held_out.rows.targets).mean())
        assert abs(out_of_fold - truth) < 0.1
        assert output.report["score"] == pytest.approx(out_of_fold)
        advice = abstention_threshold(held_out.answers, held_out.rows.targets, 0.7)
        if advice["status"] != "given":
            kept += 1
            continue
        answers = predict(output.network, test.inputs)
        found = check_threshold(answers, test.targets, advice["threshold"])
        kept += found["precision"]["high"] >= 0.7
    assert kept >= 3, "a promise holds nine times in ten"


def test_a_source_model_whose_labels_mean_something_else_is_left_behind() -> None:
    world = World()
    train, test = world.rows(99, permuted=True), world.rows(1000, permuted=True)
    network = world.network(scale=40.0)
    alone = probe_answers(network, train, test.inputs, None, 1, NullMonitor())
    assert alone is not None
    output = run(_given(network, train=train), NullMonitor())
    assert _right(output, test) >= float((alone.argmax(axis=1) == test.targets).mean()) - 0.02


def test_bridge_is_tried_without_an_auxiliary_model_where_there_is_text_of_both_languages() -> None:
    world = World()
    train, source, texts = world.rows(30), world.rows(60), world.rows(40)
    method_input = _given(world.network(), train=train, source=source, unlabelled=texts.inputs)
    entries, _ = find_candidates(method_input, 30)
    assert "bridge" in [entry.name for entry in entries]
    _, reasons = find_candidates(replace(method_input, unlabelled=None), 30)
    assert "bridge" in reasons


def test_a_fresh_head_is_a_candidate() -> None:
    world = World()
    train = world.rows(30)
    method_input = _given(world.network(), train=train)
    tried = Trial(ENTRIES["fine-tune, linear-probe"], split_for_cross_validation(method_input))
    tried.advance(list(range(tried.cross_validation.count)), NullMonitor())
    assert tried.stop_reason is None
    assert tried.complete
