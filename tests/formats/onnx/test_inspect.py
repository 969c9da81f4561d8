"""What an ONNX file says of itself, what the user adds, and what becomes of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from app.domain.errors import RejectedFile
from app.domain.models import ImageInput, ModelHints
from app.formats.catalog import OnnxFormat
from app.formats.onnx.network import OnnxNetwork
from app.formats.onnx.signature import to_layout
from tests.support.onnx_models import a_graph, a_linear_classifier, run_onnx, saved

FORMAT = OnnxFormat()
SAID = {"channels": 1, "height": 8, "width": 8, "mean": [0.5], "std": [0.25]}


def test_without_a_word_labels_are_numbers_and_pixels_are_shares(tmp_path: Path) -> None:
    facts = FORMAT.inspect(saved(a_linear_classifier(), tmp_path), ModelHints())
    assert facts.labels == ("0", "1", "2")
    assert facts.input == ImageInput(1, 8, 8, (0.0,), (1.0,))
    assert facts.parameters == 16 * 64 + 16 + 16 * 3 + 3
    assert facts.architecture.startswith("2 Gemm (ONNX opset 17")


def test_the_file_wins_over_the_hints(tmp_path: Path) -> None:
    metadata = {"labels": ["a", "b", "c"], "input": SAID}
    folder = saved(a_linear_classifier(metadata=metadata), tmp_path)
    facts = FORMAT.inspect(folder, ModelHints(("x", "y", "z"), {"mean": [0.1], "height": 9}))
    assert facts.labels == ("a", "b", "c")
    assert facts.input == ImageInput(1, 8, 8, (0.5,), (0.25,))


def test_hints_say_what_the_file_does_not_and_are_written_into_it(tmp_path: Path) -> None:
    folder = saved(a_linear_classifier(), tmp_path / "first")
    facts = FORMAT.inspect(folder, ModelHints(("x", "y", "z"), {"mean": 0.5, "std": [0.25]}))
    assert facts.labels == ("x", "y", "z")
    (second := tmp_path / "second").mkdir()
    FORMAT.save(FORMAT.load(folder, facts), facts, second)
    assert FORMAT.inspect(second, ModelHints()) == facts


@pytest.mark.parametrize(
    ("shape", "hints", "expected"),
    [
        (("n", 3, 6, 8), {}, (3, 6, 8)),
        (("n", 6, 8, 3), {}, (3, 6, 8)),
        (("n", 6, 8, 2), {"channels": 2}, (2, 6, 8)),
        (("n", 6, 8), {}, (1, 6, 8)),
        (("n", 64), {}, (1, 8, 8)),
        (("n", 48), {"height": 6, "width": 8}, (1, 6, 8)),
        (("n", 192), {"channels": 3}, (3, 8, 8)),
        ((1, 1, 8, 8), {}, (1, 8, 8)),
        ((4, 8, 8, 1), {}, (1, 8, 8)),
    ],
)
def test_any_order_of_the_image_axes_is_understood(
    shape: tuple[Any, ...], hints: dict[str, Any], expected: tuple[int, int, int], tmp_path: Path
) -> None:
    model = a_linear_classifier(input_shape=shape)
    folder = saved(model, tmp_path)
    facts = FORMAT.inspect(folder, ModelHints(input=hints))
    assert isinstance(facts.input, ImageInput)
    assert (facts.input.channels, facts.input.height, facts.input.width) == expected
    network = FORMAT.load(folder, facts)
    assert isinstance(network, OnnxNetwork)
    images = np.random.default_rng(0).integers(0, 256, (4, *expected), dtype=np.uint8)
    batch = network.collate(images)
    reference = run_onnx(model, to_layout(batch["pixels"], network.layout).numpy())
    assert np.allclose(network(batch).detach().numpy(), reference, atol=1e-5)


def test_a_graph_that_takes_raw_pixels_gets_them(tmp_path: Path) -> None:
    cast = [helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT)]
    model = a_linear_classifier(before=cast, input_type=TensorProto.UINT8)
    folder = saved(model, tmp_path)
    network = FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))
    images = np.random.default_rng(0).integers(0, 256, (2, 1, 8, 8), dtype=np.uint8)
    logits = network(network.collate(images)).detach().numpy()
    assert np.allclose(logits, run_onnx(model, images), rtol=1e-4, atol=1e-2)


def test_half_precision_weights_train_as_float_and_stay_half(tmp_path: Path) -> None:
    model = a_linear_classifier(
        dtype=np.float16, input_type=TensorProto.FLOAT16, output_type=TensorProto.FLOAT16
    )
    folder = saved(model, tmp_path / "first")
    facts = FORMAT.inspect(folder, ModelHints())
    network = FORMAT.load(folder, facts)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    (second := tmp_path / "second").mkdir()
    FORMAT.save(network, facts, second)
    stored = onnx.load(second / "model.onnx").graph.initializer
    assert {numpy_helper.to_array(tensor).dtype for tensor in stored} == {np.dtype(np.float16)}


def test_scaling_inside_the_graph_is_not_trained(tmp_path: Path) -> None:
    scaling = [
        helper.make_node("Mul", ["images", "by"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["pixels"]),
    ]
    constants = {name: np.full((1, 3, 1, 1), 2, dtype=np.float32) for name in ("by", "shift")}
    model = a_linear_classifier(input_shape=("n", 3, 4, 4), before=scaling, constants=constants)
    facts = FORMAT.inspect(saved(model, tmp_path), ModelHints())
    assert facts.parameters == 16 * 48 + 16 + 16 * 3 + 3


def test_running_statistics_change_while_training_and_are_saved(tmp_path: Path) -> None:
    names = ["scale", "shift", "mean", "variance"]
    norm = [helper.make_node("BatchNormalization", ["images", *names], ["pixels"])]
    constants = {name: np.ones(2, dtype=np.float32) for name in names}
    model = a_linear_classifier(input_shape=("n", 2, 4, 4), before=norm, constants=constants)
    folder = saved(model, tmp_path / "first")
    facts = FORMAT.inspect(folder, ModelHints(input={"channels": 2}))
    network = FORMAT.load(folder, facts).train()
    network(network.collate(np.full((3, 2, 4, 4), 100, dtype=np.uint8)))
    (second := tmp_path / "second").mkdir()
    FORMAT.save(network.eval(), facts, second)
    stored = {
        t.name: numpy_helper.to_array(t) for t in onnx.load(second / "model.onnx").graph.initializer
    }
    assert np.allclose(stored["mean"], 0.9 + 0.1 * 100 / 255)
    assert np.allclose(stored["scale"], 1)


def test_weights_in_constant_nodes_are_trained_and_saved_there(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(weight)),
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["out"]),
    ]
    folder = saved(a_graph(nodes), tmp_path / "first")
    facts = FORMAT.inspect(folder, ModelHints())
    assert facts.parameters == weight.size
    network = FORMAT.load(folder, facts)
    with torch.no_grad():
        next(network.parameters()).mul_(2)
    (second := tmp_path / "second").mkdir()
    FORMAT.save(network, facts, second)
    stored = onnx.load(second / "model.onnx").graph.node[0].attribute[0].t
    assert np.allclose(numpy_helper.to_array(stored), 2 * weight)


@pytest.mark.parametrize(
    "stated",
    [{"std": 0}, {"mean": [1, 2]}, {"mean": ["a"]}, {"std": -1.0}, {"channels": 1.5}],
    ids=str,
)
def test_an_impossible_description_of_the_input_is_refused(
    stated: dict[str, Any], tmp_path: Path
) -> None:
    folder = saved(a_linear_classifier(), tmp_path)
    with pytest.raises(RejectedFile) as refusal:
        FORMAT.inspect(folder, ModelHints(input=stated))
    assert refusal.value.code == "onnx-input-invalid"
    assert next(iter(stated)) in refusal.value.message


def test_weights_in_a_file_beside_the_graph_are_those_of_one_file(tmp_path: Path) -> None:
    model = a_linear_classifier()
    one = saved(model, tmp_path / "one")
    two = tmp_path / "two"
    two.mkdir()
    onnx.save_model(
        model,
        two / "model.onnx",
        save_as_external_data=True,
        size_threshold=0,
        location="model.onnx.data",
    )
    facts = FORMAT.inspect(one, ModelHints())
    assert FORMAT.inspect(two, ModelHints()) == facts
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)
    answers = [
        network(network.collate(pixels)) for network in (FORMAT.load(f, facts) for f in (one, two))
    ]
    assert torch.equal(*answers)


def _scaled(factor: float, offset: float = 0.0) -> dict[str, Any]:
    """A first Mul and Add, as Keras writes `Rescaling(factor, offset)`."""
    before = [
        helper.make_node("Cast", ["images"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["pixels"]),
    ]
    numbers = {"factor": np.float32(factor), "offset": np.float32(offset)}
    return {"before": before, "constants": {name: np.array(n) for name, n in numbers.items()}}


def _normalised(mean: float, std: float) -> dict[str, Any]:
    """A first BatchNormalization that was trained on pixels of this mean and deviation."""
    names = ["scale", "bias", "mean", "variance"]
    before = [helper.make_node("BatchNormalization", ["images", *names], ["pixels"])]
    numbers = (0.7, 0.1, mean, std**2)
    constants = {name: np.full(1, n, np.float32) for name, n in zip(names, numbers, strict=True)}
    return {"before": before, "constants": constants}


@pytest.mark.parametrize(
    ("beginning", "raw"),
    [
        (_scaled(1 / 255), True),
        (_scaled(1 / 127.5, -1), True),
        (_scaled(1 / 58.4, -123.7 / 58.4), True),
        (_scaled(1 / 0.3081, -0.1307 / 0.3081), False),
        (_scaled(2, -1), False),
        (_normalised(33.3, 78.6), True),
        (_normalised(0.1307, 0.3081), False),
    ],
)
def test_a_graph_that_scales_its_pixels_itself_is_kept_apart_from_one_that_does_not(
    beginning: dict[str, Any], raw: bool, tmp_path: Path
) -> None:
    facts = FORMAT.inspect(saved(a_linear_classifier(**beginning), tmp_path), ModelHints())
    assert isinstance(facts.input, ImageInput)
    assert facts.input.std == pytest.approx((1 / 255 if raw else 1.0,))
    assert any("scales its pixels itself" in note for note in facts.notes) is raw


@pytest.mark.parametrize("factor", [1 / 16, 1 / 65535, 200.0])
def test_a_scaling_that_suits_no_usual_pixels_is_not_guessed_at(
    factor: float, tmp_path: Path
) -> None:
    folder = saved(a_linear_classifier(**_scaled(factor)), tmp_path)
    with pytest.raises(RejectedFile) as refused:
        FORMAT.inspect(folder, ModelHints())
    assert refused.value.code == "onnx-scaling-unclear"
    stated = FORMAT.inspect(folder, ModelHints(input={"std": 0.0625}))
    assert isinstance(stated.input, ImageInput)
    assert stated.input.std == (0.0625,)
    assert stated.notes == ()
