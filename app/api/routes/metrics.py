"""What Prometheus scrapes."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(request: Request) -> Response:
    """Read the service's metrics in Prometheus' text format, or in OpenMetrics where asked."""
    encode, kind = choose_encoder(request.headers.get("accept", ""))
    await request.app.state.predictor_metrics.ask()
    # The database is asked for its transfers meanwhile.
    found = await asyncio.to_thread(encode, request.app.state.registry)
    return Response(found, headers={"content-type": kind})
