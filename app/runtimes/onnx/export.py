"""A network written as a graph for ONNX Runtime: exported, with fused operators, in 8 bits.

Attention is fused while the graph is traced, by the network's own switch for its attention, and
not by finding the pattern in the finished graph: the exporter writes it in more ways than a
pattern knows.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from app.domain.enums import Task
from app.domain.models import ImageInput
from app.learn.data.examples import Inputs
from app.learn.network import Batch, Network
from app.runtimes.onnx.graph_runtime import (
    GRAPH_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    ImagePreprocessing,
    ServingDescription,
    TextPreprocessing,
    read_description,
    write_description,
)
from app.telemetry.logs import quiet_root_logger

_OPSET = 18
# The names of the sizes that differ from batch to batch.
_SIZES = {
    "input_ids": ("rows", "tokens"),
    "attention_mask": ("rows", "tokens"),
    "token_type_ids": ("rows", "tokens"),
    "first_tokens": ("sentences", "words"),
}
_FUSED_ATTENTION = "babelport_export"
_ATTENTION_SETTER = "set_attn_implementation"
_MICROSOFT = "com.microsoft"
# Smaller tables are not worth a conversion at every batch.
_LARGE_EMBEDDING = 2**20


def export_network(
    network: Network, image: ImageInput | None, folder: Path, fused: bool, half_embeddings: bool
) -> None:
    """Write a float32 graph of `network` into an empty `folder`, which `open_onnx` opens.

    `image` is what an image classifier takes. `fused` asks for fused attention; `half_embeddings`
    stores large embeddings in float16. Raises whatever the exporter raises: its errors have no
    common kind.
    """
    graph = graph_of(network, image, fused)
    fuse_gelu(graph)
    if half_embeddings:
        store_embeddings_in_half(graph)
    ir.save(graph, folder / GRAPH_FILE, external_data=WEIGHTS_FILE, size_threshold_bytes=1024)
    reading = _reading(network, image, graph.graph.inputs[0].name or "", folder)
    description = ServingDescription(
        task=network.task,
        precision="float32",
        multiplied_bytes=multiplied_bytes(graph),
        reading=reading,
    )
    write_description(description, folder)


def quantise(source: Path, folder: Path, all_products: bool) -> None:
    """Write the artifact in `source` into an absent `folder`, its matrix products in int8.

    Weights have a scale for each output, activations one for each batch, found while it is
    computed: what shares a batch changes an answer a little. Without `all_products`, products that
    narrow (a transformer's second feed-forward layer, a head) stay in float32: their inputs have
    few very large numbers, beside which one scale leaves nothing of the others. ValueError where
    there is nothing to quantise.
    """
    # Not imported by the process that writes a download: it only exports.
    from onnxruntime.quantization import QuantType, quantize_dynamic

    folder.mkdir()
    wide, narrow = _matrix_products(source / GRAPH_FILE)
    if not wide and not (all_products and narrow):
        raise ValueError("there is no matrix product to quantise")
    # The library advises a preparation that changes nothing here, on the root logger.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, quiet_root_logger():
        written = Path(scratch) / GRAPH_FILE
        quantize_dynamic(
            source / GRAPH_FILE,
            written,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=[] if all_products else narrow,
            use_external_data_format=True,
        )
        graph = ir.load(written)
        ir.save(graph, folder / GRAPH_FILE, external_data=WEIGHTS_FILE, size_threshold_bytes=1024)
    if (source / TOKENIZER_FILE).is_file():
        shutil.copyfile(source / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    changes = {"precision": "int8", "multiplied_bytes": multiplied_bytes(graph)}
    description = read_description(source).model_copy(update=changes)
    write_description(description, folder)


def _matrix_products(graph: Path) -> tuple[list[str], list[str]]:
    """The names of products with weights: those that keep or widen their input, and narrow it."""
    wide: list[str] = []
    narrow: list[str] = []
    for node in ir.load(graph).graph:
        weights = node.inputs[1] if node.op_type == "MatMul" else None
        if weights is not None and weights.const_value is not None:
            rows, columns = weights.const_value.shape.numpy()[-2:]
            (narrow if rows > columns else wide).append(str(node.name))
    return wide, narrow


def graph_of(network: Network, image: ImageInput | None, fused: bool) -> ir.Model:
    """The network from its batch to `logits` as a float32 graph, in standard operators.

    Raises whatever the exporter raises.
    """
    batch = _example(network, image)
    traced = _Traced(network, tuple(batch))
    with warnings.catch_warnings(), attention_implementation(traced, fused), torch.no_grad():
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
    graph: ir.Model = program.model
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


@contextmanager
def attention_implementation(module: nn.Module, fused: bool) -> Iterator[None]:
    """Trace the transformers models inside `module` with fused attention, or with a plain one.

    Fused attention knows a mask of padding and nothing else. A network that needs more (windows,
    a causal mask) answers otherwise with it, which the comparison with the network itself finds.
    """
    models: list[Any] = [one for one in module.modules() if hasattr(one, _ATTENTION_SETTER)]
    before = [one.config._attn_implementation for one in models]
    try:
        for one in models:
            one.set_attn_implementation(_FUSED_ATTENTION if fused else "eager")
        yield
    finally:
        for one, was in zip(models, before, strict=True):
            one.set_attn_implementation(was)


def _attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Queries (n, heads, tokens, width) to answers (n, tokens, heads, width)."""
    heads, width = query.shape[1], query.shape[3]

    def flat(states: Tensor) -> Tensor:
        return states.transpose(1, 2).flatten(2)

    inputs: list[Tensor | None] = [flat(query), flat(key), flat(value)]
    inputs += [] if mask is None else [None, mask]
    scale = width**-0.5 if scaling is None else scaling
    answer = torch.onnx.ops.symbolic(
        "com.microsoft::MultiHeadAttention",
        inputs,
        {"num_heads": heads, "scale": scale},
        dtype=query.dtype,
        shape=inputs[0].shape,  # type: ignore[union-attr]
        version=1,
    )
    return answer.unflatten(2, (heads, width)), None


def _padding_mask(*_: Any, attention_mask: Tensor | None = None, **__: Any) -> Tensor | None:
    """The mask of padding as it came, int32 (n, tokens), which is what the operator reads."""
    return None if attention_mask is None else attention_mask.to(torch.int32)


AttentionInterface.register(_FUSED_ATTENTION, _attend)
AttentionMaskInterface.register(_FUSED_ATTENTION, _padding_mask)


def fuse_gelu(graph: ir.Model) -> None:
    """Put ONNX Runtime's Gelu in the place of what the exporter writes: x/2 (1 + erf(x/sqrt 2))."""
    for node in list(graph.graph):
        if node.op_type == "Erf":
            _fuse_gelu_at(graph.graph, node)
    graph.opset_imports[_MICROSOFT] = 1


def _fuse_gelu_at(graph: ir.Graph, erf: ir.Node) -> None:
    """Leaves the graph as it is where any step around `erf` is another one."""
    before = erf.inputs[0].producer() if erf.inputs[0] is not None else None
    if before is None or before.op_type not in ("Div", "Mul"):
        return
    chain = [erf]
    for kind in ("Add", "Mul", "Mul"):
        users = chain[-1].outputs[0].consumers()
        if len(users) != 1 or users[0].op_type != kind:
            return
        chain.append(users[0])
    source = before.inputs[0]
    if source is None or source not in (*chain[2].inputs, *chain[3].inputs):
        return
    fused = ir.node("Gelu", [source], domain=_MICROSOFT)
    output, last = fused.outputs[0], chain[-1].outputs[0]
    output.name, output.shape = f"{last.name}_fused", last.shape
    output.type = last.type
    for user, place in list(last.uses()):
        user.replace_input_with(place, output)
    graph.insert_before(chain[-1], fused)
    graph.remove([chain[3], chain[2], chain[1], erf, before], safe=True)


def store_embeddings_in_half(graph: ir.Model) -> None:
    """Keep large embeddings in float16; the rows that a batch looks up become float32 again."""
    for node in list(graph.graph):
        table = node.inputs[0] if node.op_type == "Gather" else None
        if table is None or table.const_value is None or table.const_value.size < _LARGE_EMBEDDING:
            continue
        if table.const_value.dtype is not ir.DataType.FLOAT or len(table.uses()) > 1:
            continue
        rows = table.const_value.numpy().astype(np.float16)
        table.const_value = ir.tensor(rows, name=table.name)
        table.dtype = ir.DataType.FLOAT16
        _insert_cast(graph.graph, node)


def _insert_cast(graph: ir.Graph, node: ir.Node) -> None:
    output = node.outputs[0]
    cast = ir.node("Cast", [output], {"to": ir.DataType.FLOAT})
    cast.outputs[0].name = f"{output.name}_float"
    cast.outputs[0].dtype, cast.outputs[0].shape = ir.DataType.FLOAT, output.shape
    output.dtype = ir.DataType.FLOAT16
    for user, place in list(output.uses()):
        if user is not cast:
            user.replace_input_with(place, cast.outputs[0])
    graph.insert_after(node, cast)


def multiplied_bytes(graph: ir.Model) -> int:
    """Bytes of a graph's weights without those of tables, whose rows are looked up in the file.

    Such tables are mapped: what nobody looks up is never read, and the system takes it back.
    """
    tables = {node.inputs[0] for node in graph.graph if node.op_type == "Gather"}
    return sum(
        weights.const_value.nbytes
        for weights in graph.graph.initializers.values()
        if weights not in tables and weights.const_value is not None
    )


def _reading(
    network: Any, image: ImageInput | None, name: str, folder: Path
) -> TextPreprocessing | ImagePreprocessing:
    if image is None:
        network.tokens.save_tokenizer(folder / TOKENIZER_FILE)
        return TextPreprocessing(prefix=network.tokens.prefix)
    image_processor = getattr(network, "image_processor", None)
    if image_processor is None:
        return ImagePreprocessing(name=name, shape=image)
    mode, shortest = image_processor.mode, image_processor.shortest
    return ImagePreprocessing(name=name, shape=image_processor.shape, mode=mode, shortest=shortest)
