"""Writing trained weights back into the graph they came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from onnx import ModelProto, TensorProto, helper, numpy_helper, save_model

from app.domain.models import ImageInput
from app.formats.onnx.network import OnnxNetwork


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
    said = {p.key: p.value for p in model.metadata_props}
    said |= {"labels": json.dumps(list(labels)), "input": json.dumps(asdict(image))}
    del model.metadata_props[:]
    helper.set_model_props(model, said)
