"""The OnnxNetwork: a planned ONNX graph as a trainable classifier of images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from onnx import ModelProto
from torch import Tensor, nn

from app.domain.models import ImageInput
from app.formats.onnx.fresh_weights import draw
from app.formats.onnx.image_input import arranged, layout_of
from app.formats.onnx.plan import Plan
from app.formats.onnx.run_steps import run_steps
from app.formats.onnx.weights import Kind
from app.learn.examples import Inputs
from app.learn.network import Batch, Network
from app.learn.pixels import prepare_pixels


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
        values[self.plan.graph.input] = arranged(batch["pixels"], self.layout)
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
            if self.plan.weights[name].kind is Kind.WEIGHT:
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
            draw(values[name], weight)
