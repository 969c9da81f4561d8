"""A step of a command with a progress bar, and the time it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

# Progress goes to standard error, so that what a command answers can be piped.
CONSOLE = Console(stderr=True)


@contextmanager
def step(title: str) -> Iterator[Callable[[float], None]]:
    """Show a bar while the block runs; the block calls the function with fractions of 1.

    At the end the bar gives way to one line with the seconds the step took; without a terminal
    that line is all.
    """
    started = time.monotonic()
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
        console=CONSOLE,
        transient=True,
        disable=not CONSOLE.is_terminal,
    ) as progress:
        task: TaskID = progress.add_task(title, total=1.0)
        yield lambda fraction: progress.update(task, completed=fraction)
    seconds = time.monotonic() - started
    CONSOLE.print(f"[green]✓[/green] {title} [dim]({seconds:.1f} s)[/dim]", highlight=False)
