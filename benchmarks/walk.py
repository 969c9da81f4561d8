"""How many files of `app/` a reader opens to follow a story: an upload, a prediction, a transfer.

    python -m benchmarks.walk [--before FILE]

Starts a service whose every process notes the files in which a function is called: the API, the
readers, the predictor, the worker and its children. What runs while modules are imported, and what
ran before the story began, is left out. The stories follow each other: a dataset's upload, the
first prediction of a model, and a transfer by `fine-tune` with the strategy `lp-ft`, all of them
with the tiny text classifier of the tests. What a process does on its own meanwhile counts, too:
an idle worker looks for jobs. FILE is the `results/walk.json` of an earlier commit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import mmap
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[1]
_FOLDER = "BABELPORT_WALK_FOLDER"
_CLOCK, _CALLS = "clock", "calls"


def main() -> None:
    """Walk the stories and write `results/walk.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, default=None)
    earlier = parser.parse_args().before
    with tempfile.TemporaryDirectory() as folder, _recorded(Path(folder)) as clock:
        counted = dict(_stories(Path(folder), clock))
    for story, files in counted.items():
        sys.stdout.write(f"{story}: {len(files)} files\n")
    from benchmarks.record import record

    body = {"modules": len(list((ROOT / "app").rglob("*.py"))), "stories": counted}
    if earlier is not None:
        before = json.loads(earlier.read_text())
        counts = {story: len(files) for story, files in before["stories"].items()}
        body["before"] = {"modules": before["modules"], "stories": counts}
    record("walk", body)


def trace_calls() -> None:
    """Note, from now on, the first call in each file of `app/` since the story began."""
    folder = Path(os.environ[_FOLDER])
    with (folder / _CLOCK).open("rb") as file:
        clock = mmap.mmap(file.fileno(), 1, prot=mmap.PROT_READ)
    inside, seen, story = str(ROOT / "app") + os.sep, set[str](), clock[0]
    out = os.open(folder / _CALLS, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def called(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal story
        if event != "call":
            return
        if clock[0] != story:
            story = clock[0]
            seen.clear()
        name = frame.f_code.co_filename
        if name in seen or not name.startswith(inside) or _imports(frame):
            return
        seen.add(name)
        os.write(out, f"{story}\t{name}\n".encode())

    threading.setprofile(called)
    sys.setprofile(called)


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported somewhere up the stack."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def _recorded(folder: Path) -> Iterator[mmap.mmap]:
    """Within the block every new process of Python calls `trace_calls` first."""
    (folder / _CLOCK).write_bytes(b"\0")
    (folder / "sitecustomize.py").write_text(
        "from benchmarks.walk import trace_calls\n\ntrace_calls()\n"
    )
    os.environ[_FOLDER] = str(folder)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [str(folder), str(ROOT), *([before] if before else [])]
    )
    with (folder / _CLOCK).open("r+b") as file, mmap.mmap(file.fileno(), 1) as clock:
        yield clock


def _stories(folder: Path, clock: mmap.mmap) -> Iterator[tuple[str, list[str]]]:
    os.environ["BABELPORT_COMPILE_MODELS"] = "false"
    from app.client import Client
    from benchmarks.scratch_service import scratch_service
    from tests.support.datasets import a_csv
    from tests.support.models import a_text_classifier, zipped

    model_file, rows = zipped(a_text_classifier(folder / "model")), a_csv(folder / "rows.csv")
    with scratch_service() as url, Client(url) as client:
        model = client.models.upload(model_file, name="walked", language="en")

        def transfer() -> None:
            started = client.transfers.start(
                model["id"],
                "de",
                {"train": dataset["id"]},
                "fine-tune",
                parameters={"strategy": "lp-ft", "max_steps": 20},
            )
            ended = client.transfers.wait(started["id"])
            assert ended["state"] == "succeeded", json.dumps(ended["failure"])

        clock[0] = 1
        dataset = client.datasets.upload(rows, language="de")
        clock[0] = 2
        client.predict(model["id"], ["play some music"])
        clock[0] = 3
        transfer()
        clock[0] = 0
    for story, name in enumerate(("upload of a dataset", "first prediction", "lp-ft transfer"), 1):
        yield name, _files(folder, story)


def _files(folder: Path, story: int) -> list[str]:
    lines = (line.split("\t") for line in (folder / _CALLS).read_text().splitlines())
    return sorted({name.removeprefix(f"{ROOT}/") for at, name in lines if at == str(story)})


if __name__ == "__main__":
    main()
