"""Carry a digit reader from one script to another, all over HTTP.

    babelport up                                    # in one terminal
    python examples/digits.py --source latin.npz --target bangla.npz --per-class 10

Each NPZ holds images uint8 (n, height, width) and digits: `x_train`, `y_train` and, where there
is one, an untouched `x_test`, `y_test`; or `x` and `y`, of which the service sets a part aside.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from digits_report import print_report
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from seed_digits import accuracy, export_declared, export_onnx, resize, train_seed

from app.client import BabelportProblem, Client

CONSOLE = Console()
# The source script in the files at hand is written in many languages; English stands for them.
LANGUAGES = {
    "latin": "en",
    "bangla": "bn",
    "devanagari": "hi",
    "telugu": "te",
    "kannada": "kn",
    "tibetan": "bo",
}


def main() -> None:
    """Train the seed, upload it with the data, transfer it, and print how good it is."""
    given = _arguments()
    try:
        with Client(given.url) as client, tempfile.TemporaryDirectory() as folder:
            transfer = _start(client, given, Path(folder))
            finished = _follow(client, transfer["id"])
            if finished["state"] != "succeeded":
                raise SystemExit(f"The transfer {finished['state']}: {finished['failure']}")
            print_report(client, finished)
            CONSOLE.print(f"The new model: {given.url}/v1/models/{finished['model_id']}")
    except BabelportProblem as problem:
        raise SystemExit(f"{problem.detail} {problem.advice}") from problem


def _start(client: Client, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    model = client.models.upload(_seed(given, folder), name=f"{given.source.stem}-digits")
    language = given.language or _language(given.target)
    files = {
        "train": _split(given.target, "train", given.size, folder),
        "test": _split(given.target, "test", given.size, folder),
        "source_test": _split(given.source, "test", given.size, folder),
    }
    languages = {"source_test": _language(given.source)}
    datasets = {
        role: client.datasets.upload(file, language=languages.get(role, language))["id"]
        for role, file in files.items()
        if file is not None
    }
    return client.transfers.start(
        model["id"],
        language,
        datasets,
        method="fine-tune",
        parameters={"strategy": given.strategy}
        | ({"max_steps": given.steps} if given.steps else {}),
        sample={"per_class": given.per_class} if given.per_class else None,
        repeats=given.repeats,
        seed=given.seed,
        validation_fraction=given.validation_fraction,
    )


def _seed(given: argparse.Namespace, folder: Path) -> Path:
    """The source model, trained here as a user would have trained it, as a file to upload."""
    data = _read(given.source)
    x, y = data.get("x_train", data.get("x")), data.get("y_train", data.get("y"))
    network = train_seed(x, y, given.size, given.epochs)
    if "x_test" in data:
        score = accuracy(network, data["x_test"], data["y_test"], given.size)
        CONSOLE.print(f"The seed reads {score:.4f} of the source's test images.")
    path = folder / ("seed.onnx" if given.format == "onnx" else "seed.zip")
    export = export_onnx if given.format == "onnx" else export_declared
    export(network, given.size, path)
    return path


def _split(file: Path, part: str, size: int, folder: Path) -> Path | None:
    """One part of an NPZ as the NPZ with `x` and `y` that the service takes."""
    data = _read(file)
    suffix = "" if part == "train" and "x" in data else f"_{part}"
    if f"x{suffix}" not in data:
        return None
    path = folder / f"{file.stem}-{part}.npz"
    np.savez_compressed(path, x=resize(data[f"x{suffix}"], size), y=data[f"y{suffix}"])
    return path


def _read(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def _language(file: Path) -> str:
    return next((tag for script, tag in LANGUAGES.items() if script in file.stem), "und")


def _follow(client: Client, transfer: str) -> dict[str, Any]:
    """Show a bar until the transfer is over."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE, transient=True) as progress:
        bar = progress.add_task("queued", total=1.0)

        def show(event: dict[str, Any]) -> None:
            if event["kind"] == "progress":
                data = event["data"]
                progress.update(bar, description=data["phase"], completed=data["fraction"])

        return client.transfers.wait(transfer, show)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, required=True, help="NPZ of the script known")
    parser.add_argument("--target", type=Path, required=True, help="NPZ of the script to learn")
    parser.add_argument("--language", help="BCP-47 tag of the target; guessed from its file name")
    parser.add_argument("--per-class", type=int, help="train on so many images of each digit")
    parser.add_argument("--strategy", default="lp-ft", help="full, head, lp-ft or scratch")
    parser.add_argument("--steps", type=int, help="training steps per stage, at most")
    parser.add_argument("--validation-fraction", type=float)
    parser.add_argument("--repeats", type=int, default=1, help="other samples, other seeds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4, help="of the seed on the source")
    parser.add_argument("--format", choices=("onnx", "declared"), default="declared")
    parser.add_argument("--size", type=int, choices=(28, 44), default=28)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    return parser.parse_args()


if __name__ == "__main__":
    main()
