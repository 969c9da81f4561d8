"""How each server is asked for the topic of one text, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MODEL = "topics"

Answer = dict[str, float]  # every label with its probability


@dataclass(frozen=True)
class Dialect:
    """The path of a request, its JSON body for a text, and how an answer is read."""

    path: str
    body: Callable[[str], dict[str, Any]]
    read: Callable[[dict[str, Any]], Answer]

    def encoded(self, text: str) -> str:
        """The body as it is sent, on one line."""
        return json.dumps(self.body(text), ensure_ascii=False, separators=(",", ":"))


def _tensor_body(text: str) -> dict[str, Any]:
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [text]}
    return {"inputs": [tensor]}


def _from_tensors(answer: dict[str, Any]) -> Answer:
    outputs = {one["name"]: one for one in answer["outputs"]}
    names = outputs["probabilities"]["parameters"]["labels"].split(",")
    return dict(zip(names, outputs["probabilities"]["data"], strict=True))


OURS = Dialect(
    f"/v1/models/{MODEL}@1/predict",
    lambda text: {"input": text},
    lambda answer: answer["predictions"][0]["probabilities"],
)
LITSERVE = Dialect("/predict", lambda text: {"input": text}, lambda answer: answer["probabilities"])
MLSERVER = Dialect(f"/v2/models/{MODEL}/infer", _tensor_body, _from_tensors)
