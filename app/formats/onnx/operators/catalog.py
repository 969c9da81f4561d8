"""Every operator that is understood, by its ONNX name."""

from __future__ import annotations

from app.domain.errors.onnx import OnnxOperatorUnsupported
from app.formats.onnx.graph import Graph
from app.formats.onnx.operators.activation import ACTIVATION
from app.formats.onnx.operators.arithmetic import ARITHMETIC
from app.formats.onnx.operators.call import Operator
from app.formats.onnx.operators.convolution import CONVOLUTION
from app.formats.onnx.operators.normalisation import NORMALISATION
from app.formats.onnx.operators.pooling import POOLING
from app.formats.onnx.operators.reduction import REDUCTION
from app.formats.onnx.operators.selection import SELECTION
from app.formats.onnx.operators.shaping import SHAPING

OPERATORS: dict[str, Operator] = {
    **ACTIVATION,
    **ARITHMETIC,
    **CONVOLUTION,
    **NORMALISATION,
    **POOLING,
    **REDUCTION,
    **SELECTION,
    **SHAPING,
}


def refuse_unknown_operators(graph: Graph) -> None:
    """Raise OnnxOperatorUnsupported naming every operator that is not in the catalog."""
    unknown = sorted({step.operator for step in graph.steps} - OPERATORS.keys())
    if unknown:
        raise OnnxOperatorUnsupported(unknown)
