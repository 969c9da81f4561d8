"""A transfer's progress in the terminal, live from its server-sent events."""

from __future__ import annotations

import time
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli.steps import CONSOLE
from app.client import Client
from app.domain.errors.demo import DemoTransferFailed


def follow_transfer(client: Client, transfer_id: str) -> dict[str, Any]:
    """Show phases, a bar and the time left until the transfer is over; returns the transfer.

    Raises DemoTransferFailed unless it succeeded.
    """
    started = time.monotonic()
    with Progress(
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=CONSOLE,
        transient=True,
        disable=not CONSOLE.is_terminal,
    ) as progress:
        bar = progress.add_task("waiting for the worker", total=1.0, left="")

        def show(event: dict[str, Any]) -> None:
            if event["kind"] == "progress":
                facts = event["data"]
                left = _left(facts["eta_seconds"])
                progress.update(
                    bar, description=facts["phase"], completed=facts["fraction"], left=left
                )

        transfer = client.transfers.wait(transfer_id, show)
    if transfer["state"] != "succeeded":
        raise DemoTransferFailed(transfer_id, transfer["state"], transfer["failure"])
    seconds = time.monotonic() - started
    CONSOLE.print(f"[green]✓[/green] Transferring [dim]({seconds:.1f} s)[/dim]", highlight=False)
    return transfer


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f"about {seconds:.0f} s left"
