"""Reads a Hugging Face directory's weights through transformers, from local files alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModel,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)
from transformers.utils import logging

from app.domain.enums import Task
from app.domain.errors.model_files import (
    ArchitectureUnsupported,
    FileInvalid,
    WeightsDoNotFit,
)
from app.formats.huggingface.layout import CONFIG_FILE, Layout

_WEIGHTS = "model.safetensors"
_CLASSES: dict[Task, Any] = {
    Task.TEXT_CLASSIFICATION: AutoModelForSequenceClassification,
    Task.MULTI_LABEL_CLASSIFICATION: AutoModelForSequenceClassification,
    Task.TOKEN_CLASSIFICATION: AutoModelForTokenClassification,
    Task.IMAGE_CLASSIFICATION: AutoModelForImageClassification,
    Task.FEATURE_EXTRACTION: AutoModel,
}


def read_pretrained(layout: Layout) -> Any:
    """The directory's transformers model, float32; raises a RejectedFile that names what is wrong.

    An encoder's pooler that the file has no weights for is left away: nothing reads it.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, report = _read(layout)
    _refuse_other_shapes(report["mismatched_keys"], layout)
    missing = set(report["missing_keys"])
    if layout.task is Task.FEATURE_EXTRACTION and all("pooler." in key for key in missing):
        if missing:
            model.pooler = None
    elif missing:
        raise WeightsDoNotFit(_WEIGHTS, f"it lacks {_some(missing)}")
    return model


def _refuse_other_shapes(mismatched: Iterable[tuple[str, Any, Any]], layout: Layout) -> None:
    """Names the first tensor that is not as `config.json` says, the head's before others."""
    found = sorted(mismatched, key=lambda one: ("classifier" not in one[0], one[0]))
    if found:
        name, has, needs = found[0][0], *(tuple(shape) for shape in found[0][1:])
        labels = len(layout.config.get("id2label") or ())
        why = f" for its {labels} labels" if has[:1] != needs[:1] and needs[0] == labels else ""
        raise WeightsDoNotFit(
            _WEIGHTS, f"{name} is {has} where {CONFIG_FILE} asks for {needs}{why}"
        )


def _read(layout: Layout) -> tuple[Any, dict[str, Any]]:
    try:
        model, report = _CLASSES[layout.task].from_pretrained(
            layout.folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are named below
            **_configuration(layout),
        )
    except (ImportError, KeyError) as problem:
        raise ArchitectureUnsupported(layout.architecture, str(problem)[:300]) from None
    except (ValueError, TypeError, AttributeError) as problem:
        raise FileInvalid(
            CONFIG_FILE, f"no network can be built from it ({problem})"[:500]
        ) from None
    except Exception as problem:
        # safetensors has one exception, below Exception itself.
        if type(problem).__name__ == "SafetensorError":
            raise FileInvalid(_WEIGHTS, str(problem)) from None
        raise
    return model, report


def _configuration(layout: Layout) -> dict[str, Any]:
    """What transformers cannot read from the directory itself."""
    if not layout.renamed:
        return {}
    return {"config": CONFIG_MAPPING[layout.config["model_type"]].from_dict(layout.config)}


def _some(keys: Iterable[str]) -> str:
    names = sorted(keys)
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
