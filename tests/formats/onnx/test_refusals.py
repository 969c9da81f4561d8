"""ONNX files that can never become a trainable classifier, and what the user is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from app.domain.errors import RejectedFile
from app.domain.models import ModelHints
from app.formats.catalog import OnnxFormat
from tests.support.onnx_models import a_graph, a_linear_classifier, saved


def _last(operator: str, **attributes: Any) -> dict[str, Any]:
    return {"after": [helper.make_node(operator, ["z"], ["out"], **attributes)]}


def _with_skip() -> ModelProto:
    """The image itself enters again behind the last layer."""
    skip = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMean", ["mean"], ["one"], axes=[1], keepdims=1),
        helper.make_node("Add", ["z", "one"], ["out"]),
    ]
    return a_linear_classifier(after=skip)


def _with_home_made_softmax() -> ModelProto:
    ends = [
        helper.make_node("Exp", ["z"], ["e"]),
        helper.make_node("ReduceSum", ["e", "axis"], ["sum"], keepdims=1),
        helper.make_node("Div", ["e", "sum"], ["out"]),
    ]
    return a_linear_classifier(after=ends, constants={"axis": np.array([1], dtype=np.int64)})


def _mixing_the_batch() -> ModelProto:
    """Images minus the mean of their batch: alone each of them is nothing."""
    before = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["images", "mean"], ["pixels"]),
    ]
    return a_linear_classifier(before=before)


def _with_two_inputs() -> ModelProto:
    model = a_linear_classifier()
    extra = helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n"])
    model.graph.input.append(extra)
    return model


def _with_function_operator() -> ModelProto:
    """A function that calls a foreign operator stays foreign when it is inlined."""
    node = helper.make_node("Blur", ["images"], ["pixels"], domain="com.example")
    return a_linear_classifier(before=[node], domains=["com.example"])


REFUSALS: dict[str, tuple[ModelProto, str, str]] = {
    "sigmoid": (a_linear_classifier(**_last("Sigmoid")), "onnx-not-an-image-classifier", "Sigmoid"),
    "argmax": (
        a_linear_classifier(**_last("ArgMax"), output_type=TensorProto.INT64),
        "onnx-operator-unsupported",
        "ArgMax",
    ),
    "control flow": (
        a_linear_classifier(**_last("NonMaxSuppression")),
        "onnx-unreadable",
        "NonMaxSuppression",
    ),
    "one output": (a_linear_classifier(1), "onnx-not-an-image-classifier", "single value"),
    "probabilities": (_with_home_made_softmax(), "onnx-not-an-image-classifier", "Softmax"),
    "side entrance": (_with_skip(), "onnx-head-not-found", "ReduceMean"),
    "batch": (_mixing_the_batch(), "onnx-batch-fixed", "other answers than alone"),
    "two inputs": (_with_two_inputs(), "onnx-not-an-image-classifier", "2 inputs"),
    "foreign operator": (_with_function_operator(), "onnx-custom-domain", "com.example.Blur"),
    "old opset": (a_linear_classifier(opset=6), "onnx-opset-unsupported", "opset 6"),
    "no layer": (
        a_graph([helper.make_node("Flatten", ["images"], ["out"])]),
        "onnx-not-an-image-classifier",
        "does not depend on any layer",
    ),
    "open sides": (
        a_graph([helper.make_node("GlobalAveragePool", ["images"], ["out"])], None, ("n", 3, 0, 0)),
        "onnx-input-invalid",
        "height, width",
    ),
    "not finite": (
        a_linear_classifier(constants={"b2": np.full(3, np.nan, dtype=np.float32)}),
        "weights-not-finite",
        "NaN",
    ),
    "labels": (
        a_linear_classifier(metadata={"labels": ["a", "b"]}),
        "labels-do-not-fit",
        "2 labels are named",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_graph_that_cannot_be_trained_is_refused_with_its_reason(
    case: str, tmp_path: Path
) -> None:
    model, code, message = REFUSALS[case]
    refusal = _refusal(saved(model, tmp_path))
    assert refusal.code == code
    assert message in refusal.message
    assert refusal.advice.endswith(".") or refusal.advice.endswith("}.")


def test_weights_that_did_not_come_along_are_refused(tmp_path: Path) -> None:
    _with_data_beside(tmp_path).unlink()
    refusal = _refusal(tmp_path)
    assert refusal.code == "onnx-external-data"
    assert refusal.fields["location"] == "model.onnx.data"
    assert "w1" in refusal.fields["tensors"]


@pytest.mark.parametrize("place", ["../secret", "/{}", "there/../../secret", "link", "", "folder"])
def test_weights_are_read_from_the_upload_alone(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(bytes(10**5))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").mkdir()
    model = _located(folder, location=place.format(str(tmp_path / "secret").lstrip("/")))
    assert _refusal(saved(model, folder)).code == "onnx-external-data"


@pytest.mark.parametrize(
    "changes",
    [{"offset": "-4"}, {"offset": "9999999"}, {"length": "9999999"}, {"offset": "x"}],
    ids=str,
)
def test_weights_that_lie_outside_their_file_are_refused(
    changes: dict[str, str], tmp_path: Path
) -> None:
    assert _refusal(saved(_located(tmp_path, **changes), tmp_path)).code == "onnx-unreadable"


def test_a_small_file_cannot_be_read_again_for_each_weight(tmp_path: Path) -> None:
    model = _located(tmp_path, offset="0", length=str(10**4))
    (tmp_path / "model.onnx.data").write_bytes(bytes(10**4))
    assert _refusal(saved(model, tmp_path)).code == "onnx-unreadable"


def _with_data_beside(folder: Path) -> Path:
    onnx.save_model(
        a_linear_classifier(),
        folder / "model.onnx",
        save_as_external_data=True,
        size_threshold=0,
        location="model.onnx.data",
    )
    return folder / "model.onnx.data"


def _located(folder: Path, **changes: str) -> onnx.ModelProto:
    """A model with its data beside it, each weight's place changed."""
    _with_data_beside(folder)
    model = onnx.load_model(folder / "model.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = changes.get(entry.key, entry.value)
    return model


def test_weights_outside_the_file_are_found_in_constant_nodes_too(tmp_path: Path) -> None:
    model = a_linear_classifier()
    constant = model.graph.node.add(op_type="Constant", output=["secret"])
    tensor = TensorProto(name="secret", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    constant.attribute.append(helper.make_attribute("value", tensor))
    assert _refusal(saved(model, tmp_path)).code == "onnx-external-data"


@pytest.mark.parametrize("content", [b"", b"\x08\x07not a model", b"PK\x03\x04"])
def test_a_file_that_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    assert _refusal(tmp_path).code == "onnx-unreadable"


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    content = a_linear_classifier().SerializeToString()
    (tmp_path / "model.onnx").write_bytes(content[: len(content) // 2])
    assert _refusal(tmp_path).code == "onnx-unreadable"


def test_two_models_in_one_folder_are_refused(tmp_path: Path) -> None:
    saved(a_linear_classifier(), tmp_path)
    (tmp_path / "other.onnx").write_bytes(b"")
    assert "2 .onnx files" in _refusal(tmp_path).message


def _refusal(folder: Path) -> RejectedFile:
    with pytest.raises(RejectedFile) as refusal:
        OnnxFormat().inspect(folder, ModelHints())
    return refusal.value
