"""The OnnxNetwork: a planned graph as a trainable classifier, tried once and written back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper, save_model
from torch import Tensor, nn

from app.domain.errors.model_files import WeightsNotFinite
from app.domain.errors.model_formats import OnnxBatchFixed, OnnxCannotRun, OnnxNotAnImageClassifier
from app.domain.models import ImageInput
from app.formats.onnx.plan import Plan, WeightKind, initialise_weight, run_steps
from app.formats.onnx.signature import layout_of, to_layout
from app.learn.data.examples import Inputs
from app.learn.data.images import prepare_pixels
from app.learn.network import Batch, Network

_IMAGES = 3


class OnnxNetwork(Network):
    """Runs the plan's steps; its parameters are the graph's own weights.

    `source` is the model as it was read, into which `write_model` puts the trained weights.
    """

    def __init__(
        self, source: ModelProto, plan: Plan, labels: tuple[str, ...], image: ImageInput
    ) -> None:
        super().__init__()
        self.source, self.plan, self.labels, self.image = source, plan, labels, image
        self.layout = layout_of(plan.graph, image.channels)
        self.weights = nn.ParameterList()
        self._parameter_names: list[str] = []
        self._buffer_names: dict[str, str] = {}
        self._small: dict[str, Tensor] = {}
        for name, array in plan.graph.constants.items():
            self._keep(name, torch.from_numpy(np.array(array)))

    def _keep(self, name: str, tensor: Tensor) -> None:
        weight = self.plan.weights.get(name)
        if weight is not None and weight.trained:
            self.weights.append(nn.Parameter(tensor))
            self._parameter_names.append(name)
        elif tensor.is_floating_point() and tensor.numel() > 1:
            self._buffer_names[name] = f"buffer_{len(self._buffer_names)}"
            self.register_buffer(self._buffer_names[name], tensor)
        else:
            self._small[name] = tensor  # shapes, axes and single numbers are read on the CPU

    def values(self) -> dict[str, Tensor]:
        """Every constant of the graph by its ONNX name, weights as they are now."""
        buffers = {name: self.get_buffer(key) for name, key in self._buffer_names.items()}
        weights = zip(self._parameter_names, self.weights, strict=True)
        return {**self._small, **buffers, **dict(weights)}

    def collate(self, inputs: Inputs) -> Batch:
        """Uint8 images (n, channels, height, width) as float32 `pixels`, scaled."""
        return {"pixels": prepare_pixels(np.asarray(inputs), self.image)}

    def lengths(self, inputs: Inputs) -> list[int]:
        """1 for each image."""
        return [1] * len(inputs)

    def features(self, batch: Batch) -> Tensor:
        """What the last layer with weights reads: (n, width), or an image before a convolution."""
        values = self.values()
        values[self.plan.graph.input] = to_layout(batch["pixels"], self.layout)
        return run_steps(self.plan.body, values, self.plan.graph.opset, self.training)

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes), before any softmax of the graph."""
        values = self.values()
        values[self.plan.head_input] = features
        logits = run_steps(self.plan.head, values, self.plan.graph.opset, self.training)
        return logits.flatten(1).float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The weights of the last layer, and those behind it."""
        names = self.plan.head_weights()
        pairs = zip(self._parameter_names, self.weights, strict=True)
        return (weight for name, weight in pairs if name in names)

    def matrices(self) -> Iterator[nn.Parameter]:
        """What layers multiply by, and no bias, scale or shift of whatever shape."""
        for name, weight in zip(self._parameter_names, self.weights, strict=True):
            if self.plan.weights[name].kind is WeightKind.WEIGHT:
                yield weight

    def add_head(self, labels: tuple[str, ...]) -> None:
        """Refused: a classifier has its head."""
        raise ValueError("This network has a head already.")

    def body_settings(self) -> str:
        """The graph's steps and small constants; the large ones are weights and buffers here."""
        small = {name: tensor.tolist() for name, tensor in self._small.items()}
        steps = self.plan.body.steps
        return f"onnx {self.plan.graph.opset} {self.layout} {self.image} {small} {steps}"

    @torch.no_grad()
    def reset(self) -> None:
        """Draw every weight anew, as torch draws those of its own layers."""
        values = self.values()
        for name, weight in self.plan.weights.items():
            initialise_weight(values[name], weight)


@torch.inference_mode()
def check_network(network: OnnxNetwork) -> int:
    """The number of classes, after running a few random images alone and together.

    Raises OnnxCannotRun, OnnxBatchFixed where images in a batch get other answers than alone,
    OnnxNotAnImageClassifier where the output is no row of logits per image, WeightsNotFinite.
    """
    image = network.image
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand((_IMAGES, image.channels, image.height, image.width), generator=generator)
    alone = torch.cat([_one_row(network({"pixels": part})) for part in pixels.split(1)])
    if not bool(torch.isfinite(alone).all()):
        raise WeightsNotFinite
    fixed = network.plan.graph.batch
    try:
        together = network({"pixels": pixels})
    except OnnxCannotRun as error:
        raise OnnxBatchFixed(fixed, error.message) from error
    if together.shape != alone.shape or not torch.allclose(together, alone, atol=1e-3, rtol=1e-3):
        raise OnnxBatchFixed(fixed, "images in a batch get other answers than alone.")
    _refuse_probabilities(alone)
    return alone.shape[1]


def _one_row(logits: Tensor) -> Tensor:
    if logits.shape[0] != 1:
        raise OnnxNotAnImageClassifier(f"one image gives {logits.shape[0]} rows of output.")
    if logits.shape[1] < 2:
        raise OnnxNotAnImageClassifier("its output has a single value, so there are no classes.")
    return logits


def _refuse_probabilities(logits: Tensor) -> None:
    """Probabilities from something else than a final Softmax would be taken for logits."""
    sums = logits.sum(1)
    if (logits >= 0).all() and torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        raise OnnxNotAnImageClassifier(
            "it ends in probabilities that no Softmax operator made, so logits cannot be found."
        )


def write_model(network: OnnxNetwork, path: Path) -> None:
    """Write the original graph, any opset, with the network's present weights in their own types.

    The file names its labels and its input, whoever named them first.
    """
    model = ModelProto()
    model.CopyFrom(network.source)
    values = network.values()
    for name, tensor in _constants(model):
        if name in network.plan.weights:
            array = values[name].detach().cpu().numpy()
            kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
            tensor.CopyFrom(numpy_helper.from_array(array.astype(kind), tensor.name))
    _describe(model, network.labels, network.image)
    save_model(model, path)


def _constants(model: ModelProto) -> Iterator[tuple[str, TensorProto]]:
    """Every stored tensor, by the name under which the graph reads it."""
    yield from ((tensor.name, tensor) for tensor in model.graph.initializer)
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], node.attribute[0].t


def _describe(model: ModelProto, labels: tuple[str, ...], image: ImageInput) -> None:
    metadata = {p.key: p.value for p in model.metadata_props}
    metadata |= {"labels": json.dumps(list(labels)), "input": json.dumps(asdict(image))}
    del model.metadata_props[:]
    helper.set_model_props(model, metadata)
