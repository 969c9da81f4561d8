"""The Python client of a Babelport service: `Client`, and `AsyncClient` with the same nouns."""

from app.client.asynchronous import AsyncClient
from app.client.problem import BabelportProblem
from app.client.synchronous import Client

__all__ = ["AsyncClient", "BabelportProblem", "Client"]
