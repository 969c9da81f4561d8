"""The network behind LitServe, as its documentation writes a batched API.

python litserve_server.py PORT BATCH TIMEOUT WORKERS
"""

from __future__ import annotations

import sys
from typing import Any

import litserve
from topics_network import from_environment


class TopicsAPI(litserve.LitAPI):
    """One text in, its label and probabilities out; whole batches where `max_batch_size` > 1."""

    def setup(self, device: str) -> None:
        """Load the network."""
        self.network = from_environment()

    def decode_request(self, request):  # type: ignore[no-untyped-def]
        """The text of a request; without annotations, from which LitServe would make a schema."""
        return str(request["input"])

    def batch(self, inputs: list[str]) -> list[str]:
        """Texts are batched when they are tokenised."""
        return inputs

    def predict(self, given: Any) -> Any:
        """Rows of probabilities, or a single row where nothing is batched."""
        if isinstance(given, str):
            return self.network.probabilities([given])[0]
        return self.network.probabilities(given)

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        """One row for each request."""
        return output

    def encode_response(self, output: list[float]) -> dict[str, Any]:
        """The JSON answer."""
        labels = self.network.labels
        likeliest = max(range(len(output)), key=output.__getitem__)
        return {
            "label": labels[likeliest],
            "probabilities": dict(zip(labels, output, strict=True)),
        }


if __name__ == "__main__":
    port, batch, timeout, workers = sys.argv[1:]
    api = TopicsAPI(max_batch_size=int(batch), batch_timeout=float(timeout))
    server = litserve.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=int(workers),
        timeout=False,
    )
    server.run(
        host="127.0.0.1",
        port=int(port),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
