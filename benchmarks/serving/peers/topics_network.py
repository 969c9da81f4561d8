"""The served network in plain torch and transformers, as a user of a peer would write it.

Runs in the peers' own environments, so it imports nothing of this project.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast


class TopicsNetwork:
    """Texts to probabilities: tokenizer, encoder in float32, mean pooling, linear head, softmax."""

    def __init__(self, folder: str, threads: int) -> None:
        torch.set_num_threads(threads)
        description = json.loads((Path(folder) / "head.json").read_text())
        self.labels: list[str] = description["labels"]
        self._prefix = description["prefix"]
        self._tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        # Babelport's own names keep transformers from answering without the head.
        said = json.loads((Path(folder) / "config.json").read_text())
        kind = said.pop("model_type").removeprefix("babelport_")
        self._encoder = AutoModel.from_pretrained(
            folder,
            config=AutoConfig.for_model(kind, **said),
            dtype=torch.float32,
            add_pooling_layer=False,
        ).eval()
        head = load_file(Path(folder) / "head.safetensors")
        self._weight, self._bias = head["weight"], head["bias"]

    @torch.inference_mode()
    def probabilities(self, texts: list[str]) -> list[list[float]]:
        """One row of probabilities for each text, in the order of `labels`."""
        given = [self._prefix + text for text in texts]
        batch = self._tokenizer(
            given, padding=True, truncation=True, max_length=512, return_tensors="pt"
        )
        states = self._encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        vectors = functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)
        logits = functional.linear(vectors, self._weight, self._bias)
        return logits.softmax(-1).tolist()


def from_environment() -> TopicsNetwork:
    """The network that TOPICS_MODEL and TOPICS_THREADS name."""
    return TopicsNetwork(os.environ["TOPICS_MODEL"], int(os.environ["TOPICS_THREADS"]))
