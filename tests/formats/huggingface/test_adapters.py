"""PEFT adapters: the way that the refusal names leads to a model that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from app.domain.errors import RejectedFile
from app.formats.read_model import read_model
from tests.support.models import INTENTS, SENTENCES, a_text_classifier, zipped


def _read(folder: Path) -> dict[str, Any]:
    upload = zipped(folder)
    hints = {"labels": list(INTENTS), "input": {}}
    return read_model(str(upload), upload.name, hints, str(folder) + "-read", 10**8, 100)


def test_an_adapter_is_refused_and_its_merged_model_is_read(tmp_path: Path) -> None:
    base = a_text_classifier(tmp_path / "base")
    model = AutoModelForSequenceClassification.from_pretrained(base)
    config = LoraConfig(task_type="SEQ_CLS", target_modules=["query"], init_lora_weights=False)
    adapted = get_peft_model(model, config).eval()
    adapted.save_pretrained(tmp_path / "adapter")
    with pytest.raises(RejectedFile) as caught:
        _read(tmp_path / "adapter")
    assert caught.value.code == "adapter-not-merged"
    maker = caught.value.advice.split("`peft.")[1].split(".")[0]

    merged = tmp_path / "merged"
    kind = getattr(peft, maker)
    loaded = kind.from_pretrained(tmp_path / "adapter", num_labels=3)
    loaded.merge_and_unload().save_pretrained(merged)
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.save_pretrained(merged)
    assert _read(merged)["labels"] == list(INTENTS)
    whole = AutoModelForSequenceClassification.from_pretrained(merged).eval()
    words = tokenizer(SENTENCES[0], return_tensors="pt")
    with torch.no_grad():
        torch.testing.assert_close(whole(**words).logits, adapted(**words).logits)
