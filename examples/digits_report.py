"""How good a transfer is, beside its baselines, as a table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from app.client import Client


def print_report(client: Client, transfer: dict[str, Any]) -> None:
    """Print every evaluation of a succeeded transfer, the verdict, and the spread of repeats."""
    print_line = Console().print
    compared = {one["baseline"]: one for one in transfer["result"]["comparisons"]}
    table = Table(
        "model", "rows", "accuracy", "95% interval", "macro F1", "transferred is better by"
    )
    for evaluation in client.evaluations.of(transfer["id"])["items"]:
        metrics, kind = evaluation["metrics"], evaluation["kind"]
        score = metrics["accuracy"]
        table.add_row(
            kind,
            str(evaluation["rows"]),
            f"{score['value']:.4f}",
            f"{score['low']:.4f} to {score['high']:.4f}",
            f"{metrics['macro_f1']['value']:.4f}",
            _gain(compared.get(kind)),
        )
    print_line(table)
    print_line(transfer["result"]["verdict"]["sentence"])
    spread = transfer["result"]["spread"]
    if spread is not None:
        each = ", ".join(f"{value:.4f}" for value in spread["each"])
        print_line(f"Over {len(spread['each'])} repeats: mean {spread['mean']:.4f} ({each})")


def _gain(compared: dict[str, float] | None) -> str:
    if compared is None:
        return ""
    return f"{compared['difference']:+.4f} ({compared['low']:+.4f} to {compared['high']:+.4f})"
