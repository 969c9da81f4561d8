"""What the network answers for the inputs that each round of `self-train` looks at."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from app.learn.encoding import encode
from app.learn.examples import Examples, Inputs
from app.learn.finite_answers import require_finite
from app.learn.monitor import Monitor, Silence
from app.learn.network import Network
from app.learn.predicting import predict
from app.methods.self_train.pool import Pool

_LEAST = 1e-12


class Answers:
    """Logits of the unlabelled inputs and of the validation rows.

    With `frozen`, the body is the same in all rounds: then each input goes through it once.
    """

    def __init__(self, pool: Pool, validation: Examples | None, frozen: bool) -> None:
        self._pool = pool
        self._unlabelled = pool.rows.take(pool.unlabelled).inputs
        self._validation = validation
        self._frozen = frozen
        self._features: dict[str, Tensor | None] = {}

    def of_unlabelled(self, network: Network, monitor: Monitor) -> np.ndarray:
        """Float64 (unlabelled, classes)."""
        return self._of(network, "unlabelled", self._unlabelled, monitor)

    def of_validation(self, network: Network) -> np.ndarray | None:
        """Float64 (rows, classes), None without validation rows."""
        if self._validation is None:
            return None
        return self._of(network, "validation", self._validation.inputs, Silence())

    def of_source(self, network: Network, inputs: Inputs | None) -> np.ndarray | None:
        """Float64 (n, classes) for inputs of the source language, None without any."""
        return None if inputs is None else self._of(network, "source", inputs, Silence())

    def _of(self, network: Network, name: str, inputs: Inputs, monitor: Monitor) -> np.ndarray:
        if self._frozen and name not in self._features:
            self._features[name] = encode(network, inputs, self._pool.vectors, monitor)
        features = self._features.get(name)
        if features is None:
            found = predict(network, inputs, monitor=monitor)
            require_finite(found)
            return np.log(np.maximum(found.astype(np.float64), _LEAST))
        with torch.no_grad():
            logits: np.ndarray = network.head(features).double().cpu().numpy()
        require_finite(logits)
        return logits
