"""One tiny model of each task, in a service of a file's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.settings import Settings
from tests.support.claimed_transfers import register_model
from tests.support.models import (
    a_label_set_classifier,
    a_text_classifier,
    a_token_classifier,
    an_encoder,
    an_image_classifier_hf,
)
from tests.support.ports import free_port
from tests.support.service import Service, running_service

BUILDERS = {
    "intents": a_text_classifier,
    "wishes": a_label_set_classifier,
    "places": a_token_classifier,
    "digits": an_image_classifier_hf,
    "encoder": an_encoder,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[Service]:
    """A service, over HTTP and gRPC, with `intents` (two versions) and a model of each task."""
    folder = tmp_path_factory.mktemp("served")
    settings = Settings(
        data_dir=folder / "var", database_url=module_database_url, grpc_port=free_port()
    )
    with running_service(settings) as service:
        for name, build in BUILDERS.items():
            register_model(service.context, build(folder / name), name)
        second = a_text_classifier(folder / "second", seed=5)
        register_model(service.context, second, "intents", version=2)
        yield service
