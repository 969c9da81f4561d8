"""The labels of a graph's output classes."""

from __future__ import annotations

import json

from onnx import ModelProto

from app.domain.errors.model_files import FileInvalid
from app.formats.labels import checked_labels, choose_labels

_PLACE = "the metadata of the ONNX file"


def read_labels(model: ModelProto, hints: tuple[str, ...], classes: int) -> tuple[str, ...]:
    """From the metadata `labels` (a JSON list), else the hints, else "0", "1" and so on.

    Raises FileInvalid or LabelsDoNotFit.
    """
    text = next((p.value for p in model.metadata_props if p.key == "labels"), "[]")
    try:
        said = json.loads(text)
    except ValueError:
        raise FileInvalid(_PLACE, "`labels` is not JSON") from None
    return choose_labels(checked_labels(_PLACE, said), hints, classes)
