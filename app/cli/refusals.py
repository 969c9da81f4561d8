"""Shows the project's own errors as a sentence and an advice instead of a traceback."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from app.client.problem import BabelportProblem
from app.domain.errors import BabelportError


class ShowsRefusals(TyperGroup):
    """A group of commands that ends with status 1 and a readable message on our own errors."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; other exceptions pass, for they are bugs and want their traceback."""
        try:
            return super().invoke(ctx)
        except BabelportError as error:
            _show(error.message, error.advice)
        except BabelportProblem as problem:
            _show(problem.detail, problem.advice)
        raise typer.Exit(1)


def _show(message: str, advice: str) -> None:
    console = Console(stderr=True)
    console.print(Text.assemble(("Error: ", "bold red"), message))
    if advice:
        console.print(Text.assemble(("What to do: ", "bold"), advice))
