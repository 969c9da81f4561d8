"""One suite for every artifact store."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.artifacts.archive import open_folder
from app.artifacts.contract import Artifacts
from app.domain.errors.service import ArtifactCorrupted, ArtifactMissing
from tests.support.archives import a_zip, content_of
from tests.support.artifact_stores import STORES, Place

LIMITS = (10**6, 100)


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty store of each kind, on a machine of its own."""
    made: Place = STORES[request.param](request, tmp_path)
    return made


def published(store: Artifacts, content: bytes) -> str:
    """The digest of a file with this content, made and published."""
    with store.workspace() as workspace:
        (workspace / "file").write_bytes(content)
        return store.publish(workspace / "file")


def test_what_was_published_is_read_by_its_sha256_on_every_machine(place: Place) -> None:
    store = place.open()
    digest = published(store, b"bytes")
    assert digest == hashlib.sha256(b"bytes").hexdigest()
    for one in (store, place.open(), place.open_elsewhere()):
        assert one.exists(digest)
        assert one.path(digest).read_bytes() == b"bytes"


def test_a_store_lists_what_it_holds_with_the_time_since_publication(place: Place) -> None:
    store = place.open()
    with store.workspace() as workspace:
        file = workspace / "written long ago"
        file.write_bytes(b"one")
        os.utime(file, (0, 0))
        digests = {store.publish(file), published(store, b"two")}
    held = list(place.open_elsewhere().stored())
    assert {one.digest for one in held} == digests
    assert all(-5 < one.age_seconds < 300 for one in held)


def test_what_was_removed_is_gone_and_may_be_removed_again(place: Place) -> None:
    store = place.open()
    digest = published(store, b"bytes")
    store.remove(digest)
    store.remove(digest)
    assert not store.exists(digest)
    assert list(store.stored()) == []
    with pytest.raises(ArtifactMissing) as caught:
        place.open().path(digest)
    assert caught.value.fields["sha256"] == digest


def test_a_published_file_stays_for_another_publication(place: Place) -> None:
    store = place.open()
    with store.workspace() as workspace:
        (workspace / "file").write_bytes(b"bytes")
        digest = store.publish(workspace / "file")
        store.remove(digest)
        assert store.publish(workspace / "file") == digest
    assert store.path(digest).read_bytes() == b"bytes"


def test_equal_bytes_published_at_once_are_one_artifact(place: Place) -> None:
    store, elsewhere = place.open(), place.open_elsewhere()
    content = os.urandom(300_000)
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda n: published((store, elsewhere)[n % 2], content), range(8))
    [digest] = set(made)
    assert [one.digest for one in store.stored()] == [digest]
    assert place.open().path(digest).read_bytes() == content
    assert list(store.temporary.iterdir()) == []


def test_damaged_bytes_are_named_and_never_given(place: Place) -> None:
    digest = published(place.open(), b"the right bytes")
    place.damage(digest, b"the wrong bytes")
    for store in (place.open(), place.open_elsewhere()):
        with pytest.raises(ArtifactCorrupted) as caught:
            store.path(digest)
        assert caught.value.fields["sha256"] == digest
        with pytest.raises(ArtifactCorrupted):
            open_folder(store, digest, *LIMITS)
        assert list(store.temporary.iterdir()) == []


def test_damage_after_the_first_use_is_found_too(place: Place) -> None:
    store = place.open()
    digest = published(store, b"the right bytes")
    assert store.path(digest).read_bytes() == b"the right bytes"
    place.damage(digest, b"the wrong bytes")
    with pytest.raises(ArtifactCorrupted):
        store.path(digest)


def test_publishing_the_right_bytes_again_mends_damaged_ones(place: Place) -> None:
    store = place.open()
    digest = published(store, b"the right bytes")
    place.damage(digest, b"the wrong bytes")
    assert published(store, b"the right bytes") == digest
    for one in (store, place.open_elsewhere()):
        assert one.path(digest).read_bytes() == b"the right bytes"


def test_a_damaged_unpacked_copy_is_thrown_away_and_made_again(
    place: Place, tmp_path: Path
) -> None:
    members = {"weights": b"right", "config.json": b"{}"}
    digest = published(place.open(), a_zip(tmp_path / "a.zip", members).read_bytes())
    whole = open_folder(place.open(), digest, *LIMITS)
    (whole / "weights").write_bytes(b"wrong")
    assert content_of(open_folder(place.open(), digest, *LIMITS)) == members
    (whole / "intruder").write_bytes(b"never packed")
    assert content_of(open_folder(place.open(), digest, *LIMITS)) == members
    (whole / "config.json").unlink()
    assert content_of(open_folder(place.open(), digest, *LIMITS)) == members


def test_an_unpacked_copy_whose_list_is_lost_is_made_again(place: Place, tmp_path: Path) -> None:
    store = place.open()
    digest = published(store, a_zip(tmp_path / "a.zip", {"x": b"1"}).read_bytes())
    folder = open_folder(store, digest, *LIMITS)
    folder.with_name(f"{digest}.json").write_text(json.dumps("no list"))
    (folder / "x").write_bytes(b"2")
    assert content_of(open_folder(store, digest, *LIMITS)) == {"x": b"1"}


_KILLED_WHILE_IT_PUBLISHES = """
import os, signal, sys, threading
from pathlib import Path
from app.services.context import open_artifacts
from app.settings import Settings
store = open_artifacts(Settings())
with store.workspace() as folder:
    with (folder / "file").open("wb") as file:
        file.write(bytes.fromhex(sys.argv[1]) * int(sys.argv[2]))
    threading.Timer(float(sys.argv[3]), lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
    print("go", flush=True)
    while True:
        store.publish(folder / "file")
"""


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03, 0.07, 0.15])
def test_a_publisher_that_is_killed_leaves_a_whole_artifact_or_none(
    place: Place, after: float
) -> None:
    content, times = os.urandom(1000), 30_000
    arguments = [content.hex(), str(times), str(after)]
    command = [sys.executable, "-c", _KILLED_WHILE_IT_PUBLISHES, *arguments]
    subprocess.run(command, env=os.environ | place.environment, check=False, capture_output=True)
    store, elsewhere = place.open(), place.open_elsewhere()
    for held in elsewhere.stored():
        assert elsewhere.path(held.digest).read_bytes() == content * times
    store.sweep()
    assert list(store.temporary.iterdir()) == []
