"""What the demo does over HTTP, with the Python client: upload, transfer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli.demo.sentences import SOURCE_LANGUAGE
from app.cli.demo.transfer_bar import follow_transfer
from app.cli.steps import step
from app.client import Client

_METHOD = "joint"
# The body stays as it is, so that the demo takes seconds; `lp-ft` is better and takes minutes.
_PARAMETERS = {"strategy": "head"}
_NAME = "home-intents"


def upload_and_transfer(
    client: Client, language: str, model_file: Path, files: Mapping[str, Path]
) -> dict[str, Any]:
    """Register the English model and the data by role, transfer, wait; returns the transfer.

    Raises BabelportProblem and DemoTransferFailed.
    """
    with step("Uploading the English model"):
        model = client.models.upload(model_file, name=_NAME, language=SOURCE_LANGUAGE)
    with step("Uploading the sentences") as progress:
        datasets: dict[str, str] = {}
        for role, file in files.items():
            spoken = SOURCE_LANGUAGE if role.startswith("source") else language
            uploaded = client.datasets.upload(file, spoken, name=f"{_NAME}-{spoken}-{role}")
            datasets[role] = uploaded["id"]
            progress(len(datasets) / len(files))
    started = client.transfers.start(
        model["id"],
        language,
        datasets,
        _METHOD,
        _PARAMETERS,
        # So few rows are better spent on training than on deciding when to stop.
        validation_fraction=0.0,
    )
    return follow_transfer(client, started["id"])
