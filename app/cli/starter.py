"""`babelport starter`: build the starter encoder."""

from __future__ import annotations

import typer

from app.cli.steps import step
from app.settings import settings


def starter() -> None:
    """Build the multilingual starter encoder, once, and print its folder."""
    from app.formats.starter.build import starter_encoder

    with step("Building the starter encoder") as progress:
        folder = starter_encoder(settings().data_dir, progress)
    typer.echo(folder)
