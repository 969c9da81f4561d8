"""Changes to an exported graph that keep its answers."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

_MICROSOFT = "com.microsoft"
# Smaller tables are not worth a conversion at every batch.
_LARGE_ROWS = 2**20


def fuse_gelu(graph: ir.Model) -> None:
    """Put ONNX Runtime's Gelu in the place of what the exporter writes: x/2 (1 + erf(x/sqrt 2))."""
    for node in list(graph.graph):
        if node.op_type == "Erf":
            _fuse_one(graph.graph, node)
    graph.opset_imports[_MICROSOFT] = 1


def store_rows_in_half(graph: ir.Model) -> None:
    """Keep large embeddings in float16; the rows that a batch looks up become float32 again."""
    for node in list(graph.graph):
        table = node.inputs[0] if node.op_type == "Gather" else None
        if table is None or table.const_value is None or table.const_value.size < _LARGE_ROWS:
            continue
        if table.const_value.dtype is not ir.DataType.FLOAT or len(table.uses()) > 1:
            continue
        rows = table.const_value.numpy().astype(np.float16)
        table.const_value = ir.tensor(rows, name=table.name)
        table.dtype = ir.DataType.FLOAT16
        _insert_cast(graph.graph, node)


def _insert_cast(graph: ir.Graph, node: ir.Node) -> None:
    output = node.outputs[0]
    whole = ir.node("Cast", [output], {"to": ir.DataType.FLOAT})
    whole.outputs[0].name = f"{output.name}_float"
    whole.outputs[0].dtype, whole.outputs[0].shape = ir.DataType.FLOAT, output.shape
    output.dtype = ir.DataType.FLOAT16
    for user, place in list(output.uses()):
        if user is not whole:
            user.replace_input_with(place, whole.outputs[0])
    graph.insert_after(node, whole)


def _fuse_one(graph: ir.Graph, erf: ir.Node) -> None:
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
    made, last = fused.outputs[0], chain[-1].outputs[0]
    made.name, made.shape = f"{last.name}_fused", last.shape
    made.type = last.type
    for user, place in list(last.uses()):
        user.replace_input_with(place, made)
    graph.insert_before(chain[-1], fused)
    graph.remove([chain[3], chain[2], chain[1], erf, before], safe=True)


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
