"""How much convolutions and pools pad each side of an image."""

from __future__ import annotations

from collections.abc import Sequence

from app.formats.onnx.operators.call import Call

Sides = list[tuple[int, int]]


def sides(call: Call, kernel: Sequence[int], strides: Sequence[int]) -> Sides:
    """(before, after) of each spatial axis, from `pads` or `auto_pad`."""
    spatial = call[0].shape[2:]
    automatic = call.attribute("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        dilations = call.attribute("dilations", [1] * len(kernel))
        windows = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
        return [
            _same(size, window, stride, automatic == "SAME_UPPER")
            for size, window, stride in zip(spatial, windows, strides, strict=True)
        ]
    pads = [0] * (2 * len(kernel)) if automatic == "VALID" else call.attribute("pads")
    pads = pads or [0] * (2 * len(kernel))
    return list(zip(pads[: len(kernel)], pads[len(kernel) :], strict=True))


def last_axis_first(padding: Sides) -> list[int]:
    """The same numbers in the order that `torch.nn.functional.pad` expects."""
    return [amount for side in reversed(padding) for amount in side]


def _same(size: int, window: int, stride: int, extra_after: bool) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    small, large = total // 2, total - total // 2
    return (small, large) if extra_after else (large, small)
