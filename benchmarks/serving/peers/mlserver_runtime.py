"""The network as a custom runtime of MLServer."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, Parameters
from numpy import array, float32
from topics_network import from_environment


class TopicsRuntime(MLModel):
    """A tensor of texts in, their labels and probabilities out."""

    async def load(self) -> bool:
        """Load the network."""
        self.network = from_environment()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer the texts of a request, or of several that were batched."""
        texts = StringCodec.decode_input(payload.inputs[0])
        rows = self.network.probabilities(texts)
        labels = self.network.labels
        likeliest = [labels[max(range(len(row)), key=row.__getitem__)] for row in rows]
        probabilities = NumpyCodec.encode_output("probabilities", array(rows, dtype=float32))
        # One text: MLServer would share a list out among the requests of a batch.
        probabilities.parameters = Parameters(content_type="np", labels=",".join(labels))
        outputs = [StringCodec.encode_output("label", likeliest), probabilities]
        return InferenceResponse(model_name=self.name, outputs=outputs)
