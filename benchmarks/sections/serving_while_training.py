"""The service's response while a transfer trains."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    rows = [
        [name, *(str(data[key][q]) for q in ("median", "p99", "max"))]
        for name, key in (("prediction", "prediction_ms"), ("health", "health_ms"))
    ]
    return f"""## Serving while a transfer trains

`python -m benchmarks.serving_while_training --data FOLDER`. {conditions(data)}

A first prediction that loads a digit model ({data["first_prediction_ms"]} ms), then
{data["predictions"]} predictions in a row, {data["lost"]} lost, and {data["health_checks"]} health
checks beside all of them, while a transfer trained on all processors (its state at the end:
{data["transfer_state_at_the_end"]}). Milliseconds as the client sees them:

{table(["request", "median", "99th percentile", "maximum"], rows)}"""
