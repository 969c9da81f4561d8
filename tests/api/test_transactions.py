"""Nothing is read, fetched, hashed or started while a transaction is open."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from app.artifacts.disk import DiskArtifacts
from app.services.artifacts import drop_unused, publish
from app.services.context import Context, open_context
from app.settings import Settings
from app.store.database import retry_on_disconnect
from tests.support.claimed_transfers import register_model
from tests.support.datasets import a_csv, labelled_rows
from tests.support.models import SENTENCES, a_text_classifier, zipped
from tests.support.service import Service
from tests.support.transactions import Watch, watched


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A text classifier as it is uploaded."""
    return zipped(a_text_classifier(tmp_path / "model" / "intents"))


@pytest.fixture
def rows(service: Service, tmp_path: Path) -> str:
    """The id of a dataset whose labels the model does not all know."""
    made = [*labelled_rows(30, "de"), ("spiele Schach", "games", "g")]
    file = a_csv(tmp_path / "odd.csv", made)
    id: str = service.client.datasets.upload(file, language="de", name="odd")["id"]
    return id


@pytest.fixture
def watch(
    service: Service, tmp_path: Path, rows: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watch]:
    """A watch on the service, which has a model `known` and the dataset `rows`."""
    register_model(service.context, a_text_classifier(tmp_path / "known"), "known")
    with watched(service.context, monkeypatch) as watch:
        yield watch


def _post(service: Service, noun: str, status: int, **sent: object) -> dict[str, object]:
    answer = httpx2.post(f"{service.url}/v1/{noun}", timeout=60, **sent)  # type: ignore[arg-type]
    assert answer.status_code == status, answer.text
    found: dict[str, object] = answer.json()
    return found


def _form(spec: dict[str, object], **files: Path) -> dict[str, object]:
    parts = {name: (file.name, file.read_bytes()) for name, file in files.items()}
    return {"data": {"spec": json.dumps(spec)}, "files": parts}


def test_a_refused_transfer_reads_its_rows_before_the_transaction(
    service: Service, watch: Watch, rows: str
) -> None:
    asked = {"model": "known", "language": "de", "method": "fine-tune", "datasets": {"train": rows}}
    assert _post(service, "transfers", 422, json=asked)["code"] == "label-unknown-to-model"
    assert "read_table" in watch.outside
    assert watch.begun
    assert watch.inside == []


def test_no_creating_request_works_inside_its_transaction(
    service: Service, watch: Watch, archive: Path, tmp_path: Path
) -> None:
    csv = a_csv(tmp_path / "rows.csv", labelled_rows(60, "de"))
    model = {"files": {"file": ("intents.zip", archive.read_bytes())}}
    _post(service, "models", 201, data={"language": "en", "name": "intents"}, **model)
    sent = {"files": {"file": ("rows.csv", csv.read_bytes())}, "data": {"language": "de"}}
    dataset = _post(service, "datasets", 201, **sent)["id"]
    broken = {"files": {"file": ("x.zip", b"PK\x03\x04")}, "data": {"language": "de"}}
    _post(service, "models", 422, **broken)
    _post(service, "datasets", 422, **broken)
    spec = {"model": "intents", "language": "de", "method": "fine-tune"}
    made = _post(service, "transfers", 202, json=spec | {"datasets": {"train": dataset}})
    _post(service, f"transfers/{made['id']}/cancel", 202)
    _post(service, f"transfers/{made['id']}/retry", 202)
    own = spec | {"model": {"language": "en"}, "datasets": {}}
    _post(service, "transfers", 202, **_form(own, model=archive, train=csv))
    _post(service, "transfers", 202, **_form(spec | {"datasets": {}}, train=csv))
    _post(service, "batch-predictions", 202, json={"model": "intents", "dataset": dataset})
    alias = f"{service.url}/v1/models/intents/aliases/champion"
    assert httpx2.put(alias, json={"model": 1}, timeout=60).status_code == 200
    assert {"publish", "adopt_unpacked", "subprocess.Popen"} <= set(watch.outside)
    assert watch.inside == []


@pytest.mark.parametrize(
    "address",
    [
        lambda rows: f"/v1/datasets/{rows}/preview",
        lambda rows: f"/v1/datasets/{rows}?model=known",
        lambda rows: "/v1/models/known/artifact",
        lambda rows: "/v1/models/known/drift",
    ],
)
def test_no_reading_request_keeps_a_transaction_open_while_it_reads_files(
    service: Service, watch: Watch, rows: str, address: Callable[[str], str]
) -> None:
    assert httpx2.get(service.url + address(rows), timeout=60).status_code == 200
    assert watch.begun
    assert watch.inside == []


def test_a_deleted_model_s_unpacked_copy_is_deleted_after_the_commit(
    service: Service, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.client.predict("known", [SENTENCES[0]])
    original = shutil.rmtree

    def recorded(folder: Path, *arguments: object, **named: object) -> None:
        watch.note(f"rmtree {folder}")
        original(folder, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(shutil, "rmtree", recorded)
    service.client.models.delete("known")
    assert any(one.startswith("rmtree") for one in watch.outside)
    assert watch.inside == []


def test_bytes_dropped_before_they_were_locked_are_published_again(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    context: Context = open_context(Settings(data_dir=tmp_path / "var", database_url=database_url))
    file = context.artifacts.temporary / "file"
    file.write_text("bytes")
    dropped: list[str] = []
    original = DiskArtifacts.publish

    def publish_and_lose(store: DiskArtifacts, file: Path) -> str:
        digest = original(store, file)
        if not dropped:
            dropped.append(digest)
            assert drop_unused(context, digest)
        return digest

    monkeypatch.setattr(DiskArtifacts, "publish", publish_and_lose)
    found = retry_on_disconnect(
        context.sessions, lambda session: publish(context, session, [file]), 5
    )
    assert found == dropped
    assert context.artifacts.exists(found[0])
