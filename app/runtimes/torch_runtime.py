"""A network of torch as a Runtime."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from app.formats.huggingface.tokenizer import TextTokenizer
from app.learn.devices import autocast
from app.learn.network import Network, move_batch
from app.runtimes.contract import Prepared
from app.runtimes.resources import TORCH_MEMORY, tokenizer_bytes
from app.runtimes.windows import split_text

_PATCH = 256  # pixels of a patch of 16 x 16


class TorchRuntime:
    """Answers with the network itself.

    On a CPU in `precision`: float32, or bfloat16, to which the weights of `network` are then
    changed. On a GPU always in bfloat16.
    """

    engine = "torch"

    def __init__(self, network: Network, precision: str = "float32") -> None:
        self.network = network.eval()
        self.precision = precision
        if precision == "bfloat16":
            _convert_to_bfloat16(network)
        parameters = list(network.parameters()) + list(network.buffers())
        weights = sum(one.numel() * one.element_size() for one in parameters)
        tokens = getattr(network, "tokens", None)
        tables = tokenizer_bytes(tokens.fast_tokenizer) if isinstance(tokens, TextTokenizer) else 0
        self.size_bytes = TORCH_MEMORY.bytes(weights) + tables
        reentrant = network.is_reentrant
        self._lock: AbstractContextManager[object] = (
            nullcontext() if reentrant else threading.Lock()
        )
        self._device = next(network.parameters()).device

    def prepare(self, inputs: Sequence[Any]) -> list[Prepared]:
        """Texts and sentences with their number of tokens, images with their patches."""
        if isinstance(inputs[0], np.ndarray):
            return [Prepared(max(1, one.size // one.shape[0] // _PATCH), one) for one in inputs]
        lengths = self.network.lengths(list(inputs))
        # Only what has the greatest length can have had more.
        longest = [place for place, cost in enumerate(lengths) if cost == max(lengths)]
        lost = self.network.tokens_lost([inputs[place] for place in longest])
        cut = {place for place, tokens in zip(longest, lost, strict=True) if tokens}
        return [
            Prepared(cost, one, place in cut)
            for place, (cost, one) in enumerate(zip(lengths, inputs, strict=True))
        ]

    def windows(self, text: str, stride: int) -> list[str]:
        """By the network's tokenizer; a network without one reads every text to its end."""
        tokens = getattr(self.network, "tokens", None)
        if not isinstance(tokens, TextTokenizer):
            return [text]
        return split_text(text, stride, tokens.prefix, tokens.encode)

    def run(self, batch: Sequence[Prepared], threads: int) -> list[np.ndarray]:
        """Probabilities in order; images of several shapes are computed shape by shape."""
        torch.set_num_threads(threads)  # of this thread alone
        if not isinstance(batch[0].content, np.ndarray):
            return self._texts([one.content for one in batch])
        answers: list[np.ndarray] = [np.empty(0)] * len(batch)
        for places in _by_shape(batch).values():
            found = self._probabilities(np.stack([batch[place].content for place in places]))
            for place, one in zip(places, found, strict=True):
                answers[place] = one
        return answers

    def _texts(self, inputs: list[Any]) -> list[np.ndarray]:
        found = self._probabilities(inputs)
        if not self.network.objective.per_word:
            return list(found)
        return [one[: len(words)] for one, words in zip(found, inputs, strict=True)]

    @torch.inference_mode()
    def _probabilities(self, inputs: Any) -> np.ndarray:
        with self._lock, self._autocast():
            logits = self.network(move_batch(self.network.collate(inputs), self._device))
        found: np.ndarray = self.network.objective.probabilities(logits).cpu().numpy()
        return found

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == "bfloat16" and self._device.type == "cpu":
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return autocast(self._device)


def computes_bfloat16() -> bool:
    """Whether this machine's processors have instructions for bfloat16; without, it is slower."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _convert_to_bfloat16(network: Network) -> None:
    """Weights in bfloat16, so that they are not converted again for every batch."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.Embedding | nn.LayerNorm):
            module.to(torch.bfloat16)


def _by_shape(batch: Sequence[Prepared]) -> dict[tuple[int, ...], list[int]]:
    places: dict[tuple[int, ...], list[int]] = {}
    for place, one in enumerate(batch):
        places.setdefault(one.content.shape, []).append(place)
    return places
