"""The head of a SetFit directory, which scikit-learn pickles, as a linear head of safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from app.domain.enums import Task
from app.domain.errors.conversion import ConversionFailed, ConversionNeedsTrust
from app.formats.convert.wishes import Wishes
from app.formats.huggingface.head_file import read_head_file, write_head_file
from app.formats.huggingface.layout import DENSE_WEIGHTS_FILE, HEAD_WEIGHTS_FILE
from app.formats.huggingface.sentence_transformers import dense_weights
from app.formats.json_file import read_json_object

HEAD = "model_head.pkl"
_CONFIG = "config_setfit.json"
_ADVICE = "Train the model again with SetFit's default head, a logistic regression."


def convert_setfit_head(source: Path, folder: Path, wishes: Wishes) -> None:
    """Write `head.json` and `head.safetensors` beside the encoder that is in `folder` already.

    Heads of one label, and of any number of labels (one-vs-rest, multi-output), give the same
    probabilities as scikit-learn's. Only with `wishes.trust`, since reading the pickle runs code.
    Raises `ConversionNeedsTrust` and `ConversionFailed`.
    """
    if not wishes.trust:
        raise ConversionNeedsTrust(str(source / HEAD), "a pickle of scikit-learn")
    weight, bias, classes, task = _linear(_read(source / HEAD))
    config = read_json_object(source / _CONFIG) if (source / _CONFIG).is_file() else {}
    labels = _labels(classes, wishes.labels or config.get("labels") or ())
    pooled = read_head_file(folder)
    normalize = pooled.normalize or bool(config.get("normalize_embeddings"))
    told = {"labels": labels, "task": task.value, "normalize": normalize}
    write_head_file(pooled.model_copy(update=told), folder)
    if pooled.dense:
        save_file(dense_weights(folder), folder / DENSE_WEIGHTS_FILE)
    tensors = {
        "weight": torch.tensor(weight, dtype=torch.float32).contiguous(),
        "bias": torch.tensor(bias, dtype=torch.float32).contiguous(),
    }
    save_file(tensors, folder / HEAD_WEIGHTS_FILE)


def _read(file: Path) -> Any:
    import joblib

    try:
        return joblib.load(file)
    except Exception as error:  # a pickle raises whatever its classes provoke
        advice = "Run this where SetFit and scikit-learn are installed as they were in training."
        raise ConversionFailed(str(file), f"{type(error).__name__}: {error}", advice) from error


def _linear(head: Any) -> tuple[np.ndarray, np.ndarray, list[Any], Task]:
    """Weight (outputs, width), bias (outputs), the classes in their order, and the task."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.multioutput import MultiOutputClassifier

    if isinstance(head, OneVsRestClassifier | MultiOutputClassifier):
        parts = list(head.estimators_)
        if not all(isinstance(part, LogisticRegression) for part in parts):
            raise ConversionFailed(HEAD, "not each of its parts is a logistic regression.", _ADVICE)
        weight = np.concatenate([part.coef_ for part in parts])
        bias = np.concatenate([part.intercept_ for part in parts])
        return weight, bias, list(range(len(parts))), Task.MULTI_LABEL_CLASSIFICATION
    if not isinstance(head, LogisticRegression):
        raise ConversionFailed(HEAD, f"it is a {type(head).__name__}.", _ADVICE)
    if getattr(head, "multi_class", None) == "ovr" and len(head.classes_) > 2:
        raise ConversionFailed(HEAD, "it was fitted one class against the rest.", _ADVICE)
    weight, bias = head.coef_, head.intercept_
    if len(weight) == 1:  # of two classes the second's logit alone, the first's being 0
        weight = np.concatenate([np.zeros_like(weight), weight])
        bias = np.concatenate([np.zeros_like(bias), bias])
    return weight, bias, list(head.classes_), Task.TEXT_CLASSIFICATION


def _labels(classes: list[Any], named: Any) -> tuple[str, ...]:
    """Numbers are positions among the labels that the configuration names."""
    positions = all(isinstance(one, int | np.integer) for one in classes)
    if named and positions and max(classes) < len(named):
        return tuple(str(named[int(one)]) for one in classes)
    return tuple(str(one) for one in classes)
