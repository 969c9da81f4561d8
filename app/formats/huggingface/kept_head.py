"""The head of a sequence classifier, kept exactly as it is without the body it stood on."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification

from app.domain.errors.model_files import ArchitectureUnsupported, FileInvalid, WeightsDoNotFit
from app.formats.huggingface.head_split import HeadSplit
from app.formats.huggingface.layout import HEAD_WEIGHTS_FILE, check_config
from app.formats.huggingface.stand_in import AbsentBody, body_replaced
from app.formats.json_file import read_json_object
from app.formats.weight_file import read_weight_file

KEPT_HEAD_FILE = "head_config.json"
_MOST_NUMBERS = 2**24

Shapes = Mapping[str, tuple[int, ...]]


class KeptHead(nn.Module):
    """A transformers sequence classifier whose body is absent; it maps features to logits.

    `model` has an AbsentBody in the place of its body, which answers zeros of the shapes `reads`.
    """

    def __init__(self, model: Any, reads: Shapes) -> None:
        super().__init__()
        self.model = model.eval()
        self.reads = reads
        ids = torch.zeros(2, next(iter(reads.values()))[1], dtype=torch.int64)
        probe = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        self._split = HeadSplit(model, probe, model.config.get_text_config().pad_token_id)

    @classmethod
    def of(cls, model: Any, split: HeadSplit) -> KeptHead:
        """A copy of the head of `model`, which `split` splits."""
        with body_replaced(model, AbsentBody(split.reads)):
            bodiless = copy.deepcopy(model)
        return cls(bodiless, split.reads)

    @property
    def width(self) -> int:
        """Of the features it reads."""
        return self._split.width

    def forward(self, features: Tensor) -> Tensor:
        """Logits (n, classes) for features (n, width)."""
        return self._split.head(features)

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """The head's parameters."""
        return self.model.parameters(recurse)

    def reset_parameters(self) -> None:
        """Draw the head anew as its own class initialises it."""
        for module in self.model.modules():
            self.model._init_weights(module)


def write_kept_head(head: KeptHead, folder: Path) -> None:
    """Write the class's own configuration and the head's tensors."""
    text = head.model.config.to_json_string(use_diff=False)
    (folder / KEPT_HEAD_FILE).write_text(text, encoding="utf-8")
    tensors = {name: t.detach().contiguous() for name, t in head.model.state_dict().items()}
    save_file(tensors, folder / HEAD_WEIGHTS_FILE)


def read_kept_head(folder: Path, reads: Shapes, labels: tuple[str, ...]) -> KeptHead:
    """The head in `folder`; raises a RejectedFile that says what is wrong."""
    if any(len(shape) < 2 or math.prod(shape) > _MOST_NUMBERS for shape in reads.values()):
        raise FileInvalid("head.json", "`reads` has shapes that no body answers with")
    model = _without_body(folder, reads)
    advice = "Save the model again with the program that made it."
    weights = read_weight_file(folder / HEAD_WEIGHTS_FILE, "holds the head", advice)
    try:
        model.load_state_dict({name: t.float() for name, t in weights.items()}, assign=True)
    except RuntimeError as problem:
        raise WeightsDoNotFit(HEAD_WEIGHTS_FILE, str(problem)[:300]) from None
    if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
        raise ArchitectureUnsupported(type(model).__name__, "its head holds more than weights")
    model.requires_grad_(True)
    head = KeptHead(model, reads)
    if model.config.num_labels != len(labels):
        raise FileInvalid(KEPT_HEAD_FILE, f"it has not the {len(labels)} labels of head.json")
    return head


def _without_body(folder: Path, reads: Shapes) -> Any:
    """The classifier that `head_config.json` describes: no body, and nothing in its tensors."""
    if not reads or not (folder / KEPT_HEAD_FILE).is_file():
        raise FileInvalid("head.json", f"`reads` needs {KEPT_HEAD_FILE} beside it")
    content = read_json_object(folder / KEPT_HEAD_FILE)
    check_config(KEPT_HEAD_FILE, content)
    try:
        config = CONFIG_MAPPING[content["model_type"]].from_dict(content)
        # Nothing is computed and no memory taken for the body, which is taken away at once.
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        said = f"no classifier can be built from it ({problem})"
        raise FileInvalid(KEPT_HEAD_FILE, said[:500]) from None
    setattr(model, model.base_model_prefix, AbsentBody(reads))
    return model
