"""Encoders named on a hub, downloaded once: only files that cannot run code."""

from __future__ import annotations

from pathlib import Path

from app.domain.errors.companions import HubModelUnavailable
from app.formats.code_formats import refuse_code_inside

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "1_Pooling/*.json"]


def download(name: str, folder: Path) -> Path:
    """The directory of the model `name` below `folder`, fetched unless it is there.

    The hub is the one that `HF_ENDPOINT` names; weights are taken as safetensors alone. Raises
    `HubModelUnavailable`.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        found = Path(snapshot_download(name, cache_dir=folder, allow_patterns=_WANTED))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as problem:
        raise HubModelUnavailable(name, str(problem).split("\n")[0][:300]) from None
    if not list(found.glob("*.safetensors")):
        raise HubModelUnavailable(name, "it has no safetensors weights")
    refuse_code_inside(found)
    return found
