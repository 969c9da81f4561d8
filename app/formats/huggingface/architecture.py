"""A transformers model's architecture as text, without what does not touch its computation."""

from __future__ import annotations

import json
from typing import Any

# The head's labels, where the files came from, and how the weights were stored.
_BESIDE = {"id2label", "label2id", "num_labels", "_name_or_path", "dtype", "torch_dtype"}
_BESIDE |= {"architectures", "transformers_version"}


def architecture(model: Any) -> str:
    """The class and the configuration that decide what its body computes with its weights."""
    config = {name: v for name, v in model.config.to_dict().items() if name not in _BESIDE}
    return f"{type(model).__name__} {json.dumps(config, sort_keys=True, default=str)}"
