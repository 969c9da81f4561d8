"""The labels of a graph's output classes."""

from __future__ import annotations

import json

from onnx import ModelProto

from app.domain.errors.onnx import OnnxLabelsInvalid


def read_labels(model: ModelProto, hints: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """From the metadata `labels`, else the hints, else "0", "1" and so on.

    Raises OnnxLabelsInvalid where they are not `classes` different names.
    """
    text = next((p.value for p in model.metadata_props if p.key == "labels"), None)
    labels = _parse(text) if text is not None else hints
    if not labels:
        return tuple(str(number) for number in range(classes))
    if len(labels) != classes:
        raise OnnxLabelsInvalid(f"there are {len(labels)} labels for {classes} output classes.")
    if len(set(labels)) != len(labels):
        raise OnnxLabelsInvalid("a label occurs twice.")
    return labels


def _parse(text: str) -> tuple[str, ...]:
    try:
        labels = json.loads(text)
    except ValueError as error:
        raise OnnxLabelsInvalid(f"the metadata `labels` is not JSON ({error}).") from error
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise OnnxLabelsInvalid("the metadata `labels` is not a JSON list of strings.")
    return tuple(labels)
