"""The `babelport` command: its subcommands gathered, and errors shown as sentences."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from app.cli.convert import convert
from app.cli.demo.command import demo
from app.cli.maintenance import collect, migrate, prune, starter
from app.cli.service import api, up, worker
from app.client.problem import BabelportProblem
from app.domain.errors import BabelportError


class ErrorReportingGroup(TyperGroup):
    """A group of commands that ends with status 1 and a readable message on our own errors."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; other exceptions pass, for they are bugs and want their traceback."""
        try:
            return super().invoke(ctx)
        except BabelportError as error:
            _print_error(error.message, error.advice)
        except BabelportProblem as problem:
            _print_error(problem.detail, problem.advice)
        raise typer.Exit(1)


def _print_error(message: str, advice: str) -> None:
    console = Console(stderr=True)
    console.print(Text.assemble(("Error: ", "bold red"), message))
    if advice:
        console.print(Text.assemble(("What to do: ", "bold"), advice))


app = typer.Typer(
    name="babelport",
    help="Carries a model you already have into a language you don't.",
    cls=ErrorReportingGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


for command in (up, demo, api, worker, migrate, prune, collect, starter, convert):
    app.command()(command)


if __name__ == "__main__":
    app()
