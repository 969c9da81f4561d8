"""`babelport convert`: make an accepted model file, on the user's own machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.progress import step


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="A .pt, .pth, .ckpt, .pt2, .keras, .h5 or pickle file, or a Hugging Face "
            "directory with pytorch_model.bin or SetFit's model_head.pkl."
        ),
    ],
    target: Annotated[Path, typer.Argument(help="The .onnx or .zip to write.")],
    architecture: Annotated[
        Path | None, typer.Option(help="The architecture.json that a state dict belongs to.")
    ] = None,
    labels: Annotated[str, typer.Option(help="The labels, separated by commas.")] = "",
    input: Annotated[
        str, typer.Option(help="The images, as JSON: channels, height, width, mean, std.")
    ] = "{}",
    trust: Annotated[
        bool, typer.Option("--trust", help="Let the file run the code that is in it.")
    ] = False,
) -> None:
    """Make a file that the service accepts out of one that it refuses.

    Pickles, .pt2 and Keras files can run any code when they are read, so the
    service never reads them. Run this on your own machine, and with --trust
    only on files whose origin you trust. Weights alone (a state dict) are read
    without running code.
    """
    from app.formats.convert.convert_model import convert_model
    from app.formats.convert.torch_files import ConversionRequest

    names = tuple(name.strip() for name in labels.split(",") if name.strip())
    request = ConversionRequest(architecture, names, _json_object(input), trust)
    with step(f"Converting {source.name}"):
        facts = convert_model(source, target, request)
    typer.echo(f"{target}: {facts.task}, {len(facts.labels)} labels, {facts.architecture}")


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--input is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise typer.BadParameter("--input is not a JSON object")
    return value
