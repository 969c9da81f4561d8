"""Models as people have them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from tests.formats.real_files.case import Facts, RealFile, Refusal, read_as_model
from tests.support.archives import a_zip, content_of
from tests.support.models import INTENTS, a_declared_digit_reader, a_text_classifier
from tests.support.onnx_models import a_linear_classifier


def zipped_classifier(file: Path, below: str = "", beside: Mapping[str, bytes] = {}) -> Path:
    """A zipped text classifier in the folder `below`, with other members `beside` it."""
    content = content_of(a_text_classifier(file.parent / "classifier"))
    return a_zip(file, {f"{below}{name}": data for name, data in content.items()} | dict(beside))


def _exported(folder: Path) -> dict[str, bytes]:
    """`digits.onnx` and `digits.onnx.data`."""
    folder.mkdir()
    onnx.save_model(
        a_linear_classifier(),
        folder / "digits.onnx",
        save_as_external_data=True,
        size_threshold=0,
        location="digits.onnx.data",
    )
    return content_of(folder)


def _onnx_with_data(file: Path) -> Path:
    return a_zip(file, _exported(file.parent / "exported"))


def _onnx_alone(file: Path) -> None:
    file.write_bytes(_exported(file.parent / "exported")["digits.onnx"])


def _scaled_by_keras(file: Path) -> None:
    scale = helper.make_node("Mul", ["images", "by"], ["pixels"])
    constants = {"by": np.array(1 / 255, np.float32)}
    onnx.save_model(a_linear_classifier(before=[scale], constants=constants), file)


def _declared(file: Path, text: Callable[[dict[str, Any]], bytes]) -> Path:
    content = content_of(a_declared_digit_reader(file.parent / "declared"))
    content["architecture.json"] = text(json.loads(content["architecture.json"]))
    return a_zip(file, content)


def _with_number_labels(file: Path) -> Path:
    numbers = list(range(10))
    return _declared(file, lambda said: json.dumps(said | {"labels": numbers}).encode())


def _with_byte_order_mark(file: Path) -> Path:
    return _declared(file, lambda said: b"\xef\xbb\xbf" + json.dumps(said).encode())


_DIGIT_READER = {
    "format": "declared_network",
    "task": "image-classification",
    "labels": list("0123456789"),
}
MODEL_FILES: tuple[RealFile, ...] = (
    RealFile(
        "digits.zip",
        "`digits.onnx` with `digits.onnx.data`, as torch exports today",
        _onnx_with_data,
        Facts({"format": "onnx", "task": "image-classification", "labels": ["0", "1", "2"]}),
        read=read_as_model,
    ),
    RealFile(
        "digits.onnx",
        "the same without `digits.onnx.data`",
        _onnx_alone,
        Refusal(
            "onnx-external-data",
            "4 weights lie outside the ONNX file, 'w1' among them, in 'digits.onnx.data', which "
            "is no file of the upload.",
            "Send both files in one zip, side by side, or save the model as one file: "
            "onnx.save(onnx.load(path), path), or torch.onnx.export(..., external_data=False).",
        ),
        read=read_as_model,
    ),
    RealFile(
        "keras.onnx",
        "a Keras model that begins with `Rescaling(1/255)`",
        _scaled_by_keras,
        Facts(
            {"format": "onnx", "input.mean": [0.0], "input.std": [1 / 255]},
            note="The graph scales its pixels itself, so it is given pixels from 0 to 255. If it "
            "was trained on others, say so in `input` (`mean` and `std`).",
        ),
        read=read_as_model,
    ),
    RealFile(
        "reader.zip",
        "`architecture.json` whose labels are numbers",
        _with_number_labels,
        Facts(_DIGIT_READER),
        read=read_as_model,
    ),
    RealFile(
        "reader.zip",
        "`architecture.json` with a byte order mark",
        _with_byte_order_mark,
        Facts(_DIGIT_READER),
        read=read_as_model,
    ),
    RealFile(
        "intents.zip",
        "a classifier's directory, zipped as the one folder in the archive",
        lambda file: zipped_classifier(file, below="intents/"),
        Facts({"format": "huggingface", "task": "text-classification", "labels": list(INTENTS)}),
        read=read_as_model,
    ),
)
