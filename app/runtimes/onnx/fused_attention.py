"""Attention of transformers networks, written into a graph as ONNX Runtime's own operator.

Done while the graph is traced, by the network's own switch for its attention, and not by finding
the pattern in the finished graph: the exporter writes it in more ways than a pattern knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

_NAME = "babelport_export"
_SWITCH = "set_attn_implementation"


@contextmanager
def attention_as(module: nn.Module, fused: bool) -> Iterator[None]:
    """Trace the transformers models inside `module` with fused attention, or with a plain one.

    Fused attention knows a mask of padding and nothing else. A network that needs more (windows,
    a causal mask) answers otherwise with it, which the comparison with the network itself finds.
    """
    models: list[Any] = [one for one in module.modules() if hasattr(one, _SWITCH)]
    before = [one.config._attn_implementation for one in models]
    try:
        for one in models:
            one.set_attn_implementation(_NAME if fused else "eager")
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


def _padding(*_: Any, attention_mask: Tensor | None = None, **__: Any) -> Tensor | None:
    """The mask of padding as it came, int32 (n, tokens), which is what the operator reads."""
    return None if attention_mask is None else attention_mask.to(torch.int32)


AttentionInterface.register(_NAME, _attend)
AttentionMaskInterface.register(_NAME, _padding)
