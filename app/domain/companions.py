"""How the second model of a transfer is named."""

from __future__ import annotations

STARTER = "starter"  # the encoder that comes with the service
HUB = "hub:"  # and the name of a model on a hub


def companion_model_id(companion: str | None) -> str | None:
    """The id of the registered model that a specification's companion is, if it is one."""
    if companion is None or companion == STARTER or companion.startswith(HUB):
        return None
    return companion
