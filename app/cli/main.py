"""The `babelport` command: one file per subcommand, gathered here."""

from __future__ import annotations

import typer

from app.cli.api import api
from app.cli.collect import collect
from app.cli.convert import convert
from app.cli.demo.command import demo
from app.cli.migrate import migrate
from app.cli.prune import prune
from app.cli.refusals import ShowsRefusals
from app.cli.starter import starter
from app.cli.up import up
from app.cli.worker import worker

app = typer.Typer(
    name="babelport",
    help="Carries a model you already have into a language you don't.",
    cls=ShowsRefusals,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, demo, api, worker, migrate, prune, collect, starter, convert):
    app.command()(command)

if __name__ == "__main__":
    app()
