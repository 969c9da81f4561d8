"""Directories as SetFit and sentence-transformers save them, without either package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.models import SENTENCES, an_encoder

_LABELS = ("alarm", "music", "weather")


def a_setfit_directory(
    folder: Path,
    labels: Sequence[str] | None = _LABELS,
    several: bool = False,
    dense: bool = False,
) -> Path:
    """An encoder, its steps, and a head of scikit-learn in `model_head.pkl`.

    With `dense` a layer of 16 stands between pooling and normalisation, as `pytorch_model.bin`.
    With `several` a row has any number of labels. Two labels make a head of one output.
    """
    import joblib
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    an_encoder(folder, prefix="")
    (folder / "head.json").unlink()
    steps = [("", "Transformer"), ("1_Pooling", "Pooling"), ("9_Normalize", "Normalize")]
    if dense:
        steps.insert(2, ("2_Dense", "Dense"))
        _write_dense(folder / "2_Dense")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(steps)
    ]
    _write(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    _write(folder / "1_Pooling" / "config.json", pooling | {"pooling_mode_cls_token": False})
    (folder / "9_Normalize").mkdir()
    names = list(labels) if labels else None
    _write(folder / "config_setfit.json", {"labels": names, "normalize_embeddings": False})
    classes = len(labels or _LABELS)
    numbers = np.arange(len(SENTENCES)) % classes
    head: Any = LogisticRegression(C=100.0)
    targets: Any = numbers if labels else np.array(_LABELS)[numbers]
    if several:
        head = OneVsRestClassifier(head)
        targets = np.stack([numbers == 0, numbers == 1, numbers != 1], axis=1).astype(int)
    joblib.dump(head.fit(setfit_vectors(folder, SENTENCES), targets), folder / "model_head.pkl")
    return folder


def setfit_vectors(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """What sentence-transformers makes of the texts: normalised means over the tokens."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, use_safetensors=True).eval()
    vectors = []
    for text in texts:
        with torch.no_grad():
            tokens = model(**tokenizer(text, return_tensors="pt")).last_hidden_state
        vector = tokens.mean(dim=1)
        if (folder / "2_Dense").is_dir():
            layer = torch.load(folder / "2_Dense" / "pytorch_model.bin", weights_only=True)
            vector = torch.tanh(vector @ layer["linear.weight"].T + layer["linear.bias"])
        vectors.append(torch.nn.functional.normalize(vector).numpy()[0])
    return np.stack(vectors)


def _write_dense(folder: Path) -> None:
    import torch

    folder.mkdir()
    torch.manual_seed(1)
    weights = {"linear.weight": torch.randn(16, 32), "linear.bias": torch.randn(16)}
    torch.save(weights, folder / "pytorch_model.bin")
    activation = {"bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}
    _write(folder / "config.json", {"in_features": 32, "out_features": 16} | activation)


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")
