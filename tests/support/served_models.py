"""One tiny model of each task, uploaded into the service of a file's tests."""

from __future__ import annotations

import pytest

from tests.support.models import (
    a_label_set_classifier,
    a_text_classifier,
    a_token_classifier,
    an_encoder,
    an_image_classifier_hf,
    zipped,
)
from tests.support.service import Service

BUILDERS = {
    "intents": a_text_classifier,
    "wishes": a_label_set_classifier,
    "places": a_token_classifier,
    "digits": an_image_classifier_hf,
    "encoder": an_encoder,
}


@pytest.fixture(scope="module")
def served(quiet_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The service of this file's tests with `intents` (two versions) and a model of each task."""
    folder = tmp_path_factory.mktemp("served")
    for name, build in BUILDERS.items():
        quiet_service.client.models.upload(zipped(build(folder / name)), name=name, language="en")
    second = a_text_classifier(folder / "second", seed=5)
    quiet_service.client.models.upload(zipped(second), name="intents", language="en")
    return quiet_service
