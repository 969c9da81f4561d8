"""A network written as a graph for ONNX Runtime, with what its inputs need beside it."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir
import torch
from torch import Tensor, nn

from app.domain.enums import Task
from app.domain.models import ImageInput
from app.learn.examples import Inputs
from app.learn.network import Batch, Network
from app.runtimes.onnx.description import (
    GRAPH_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ImageReading,
    ServingDescription,
    TextReading,
    write_description,
)
from app.runtimes.onnx.fused_attention import attention_as
from app.runtimes.onnx.graph_changes import fuse_gelu, multiplied_bytes, store_rows_in_half

_OPSET = 18
# The names of the sizes that differ from batch to batch.
_SIZES = {
    "input_ids": ("rows", "tokens"),
    "attention_mask": ("rows", "tokens"),
    "token_type_ids": ("rows", "tokens"),
    "first_tokens": ("sentences", "words"),
}


def export_network(
    network: Network, image: ImageInput | None, folder: Path, fused: bool, half_rows: bool
) -> None:
    """Write a float32 graph of `network` into an empty `folder`, which `open_onnx` opens.

    `image` is what an image classifier takes. `fused` asks for fused attention; `half_rows` stores
    large embeddings in float16. Raises whatever the exporter raises where it does not manage: its
    own errors have no common kind.
    """
    graph = graph_of(network, image, fused)
    fuse_gelu(graph)
    if half_rows:
        store_rows_in_half(graph)
    onnx_ir.save(graph, folder / GRAPH_FILE, external_data=WEIGHTS_FILE, size_threshold_bytes=1024)
    reading = _reading(network, image, graph.graph.inputs[0].name or "", folder)
    description = ServingDescription(
        task=network.task,
        precision="float32",
        multiplied_bytes=multiplied_bytes(graph),
        reading=reading,
    )
    write_description(description, folder)


def graph_of(network: Network, image: ImageInput | None, fused: bool) -> onnx_ir.Model:
    """The network from its batch to `logits` as a float32 graph, in standard operators.

    Raises whatever the exporter raises.
    """
    batch = _example(network, image)
    traced = _Traced(network, tuple(batch))
    with warnings.catch_warnings(), attention_as(traced, fused), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            traced.eval(),
            tuple(batch.values()),
            dynamo=True,
            verbose=False,
            opset_version=_OPSET,
            input_names=list(batch),
            output_names=["logits"],
            dynamic_shapes=(tuple(_free_sizes(name) for name in batch),),
        )
    assert program is not None
    graph: onnx_ir.Model = program.model
    return graph


class _Traced(nn.Module):
    """A network whose batch comes as one argument for each tensor."""

    def __init__(self, network: Network, names: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self._names = names

    def forward(self, *tensors: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.network(dict(zip(self._names, tensors, strict=True)))
        return logits


def _example(network: Network, image: ImageInput | None) -> Batch:
    """Two inputs of unlike length; a size of 1 would be taken for a constant."""
    inputs: Inputs = ["one two three four five six seven", "one"]
    if image is not None:
        inputs = np.zeros((2, image.channels, image.height, image.width), dtype=np.uint8)
    elif network.task is Task.TOKEN_CLASSIFICATION:
        inputs = [("one", "two", "three"), ("one",)]
    return network.collate(inputs)


def _free_sizes(name: str) -> dict[int, Any]:
    if name not in _SIZES:
        return {0: torch.export.Dim("rows", min=1, max=4096)}
    first, second = _SIZES[name]
    return {
        0: torch.export.Dim(first, min=1, max=4096),
        1: torch.export.Dim(second, min=1, max=4096),
    }


def _reading(
    network: Any, image: ImageInput | None, name: str, folder: Path
) -> TextReading | ImageReading:
    if image is None:
        network.tokens.save_tokenizer(folder / TOKENIZER_FILE)
        return TextReading(prefix=network.tokens.prefix)
    preparation = getattr(network, "preparation", None)
    if preparation is None:
        return ImageReading(name=name, shape=image)
    mode, shortest = preparation.mode, preparation.shortest
    return ImageReading(name=name, shape=preparation.shape, mode=mode, shortest=shortest)
