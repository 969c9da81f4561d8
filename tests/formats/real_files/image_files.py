"""Image datasets as people have them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.formats.real_files.case import Facts, RealFile, Refusal, holding
from tests.support.archives import a_zip
from tests.support.datasets import an_idx_zip, digit_images, idx, png

_X, _Y = digit_images(20)
_DIGITS = list("0123456789")
_READ = {"kind": "images", "rows": 20, "labels": _DIGITS, "image_shape": [1, 28, 28]}
_LEFT = (
    "The file has several parts, and `train` was read. {} is left for another dataset: send the "
    "file again with `part`."
)


def _arrays(**arrays: np.ndarray) -> Callable[[Path], object]:
    def build(file: Path) -> None:
        with file.open("wb") as handle:
            np.savez(handle, **arrays)

    return build


def _files(members: Mapping[str, bytes]) -> Callable[[Path], object]:
    return lambda file: a_zip(file, members)


def _images(
    folder: str = "", rows: int = 20, write: Callable[[np.ndarray], bytes] = png
) -> dict[str, bytes]:
    """Class folders below `folder`."""
    pairs = zip(_X[:rows], _Y[:rows], strict=True)
    return {f"{folder}{y}/{number:04}.png": write(x) for number, (x, y) in enumerate(pairs)}


def _saved(mode: str, kind: str = "PNG") -> Callable[[np.ndarray], bytes]:
    """Writes an image in another mode of Pillow, as many programs do."""

    def write(pixels: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(buffer, format=kind)
        return buffer.getvalue()

    return write


def _of_16_bits(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint16) * 257).save(buffer, format="PNG")
    return buffer.getvalue()


def _mnist() -> dict[str, bytes]:
    return {
        "train-images-idx3-ubyte": idx(_X),
        "train-labels-idx1-ubyte": idx(_Y.astype(np.uint8)),
        "t10k-images-idx3-ubyte": idx(_X[:10]),
        "t10k-labels-idx1-ubyte": idx(_Y[:10].astype(np.uint8)),
    }


def _keras() -> dict[str, np.ndarray]:
    return {"x_train": _X, "y_train": _Y, "x_test": _X[:10], "y_test": _Y[:10]}


def _small() -> np.ndarray:
    """float64 (20, 64) from 0 to 16."""
    rows = np.random.default_rng(0).integers(0, 17, (20, 64)).astype(np.float64)
    rows[0, 0] = 16
    return rows


def _turned() -> bytes:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 8), "red").save(buffer, format="JPEG", exif=exif)
    return buffer.getvalue()


_ONE_CHANNEL = "All images are grey, so one channel of the three was kept."
_SIXTEEN = (
    "The pixels go from 0 to 16, so 16 was taken for white and they were multiplied by 255/16. "
    "Scale what you send for predictions in the same way."
)
_ONE = (
    "The pixels go from 0 to 1, so 1 was taken for white and they were multiplied by 255/1. "
    "Scale what you send for predictions in the same way."
)

IMAGE_FILES: tuple[RealFile, ...] = (
    RealFile(
        "mnist.zip",
        "two gzipped IDX files of MNIST",
        lambda file: an_idx_zip(file, rows=20),
        Facts({"kind": "images", "rows": 20, "image_shape": [1, 28, 28]}),
    ),
    RealFile(
        "MNIST.zip",
        "all four IDX files of MNIST",
        _files(_mnist()),
        Facts(_READ, note=_LEFT.format("`test`")),
    ),
    RealFile(
        "MNIST.zip",
        "the same, for its test images",
        _files(_mnist()),
        Facts({**_READ, "rows": 10}),
        hints={"part": "test"},
    ),
    RealFile(
        "train-images-idx3-ubyte",
        "one of the IDX files alone",
        holding(idx(_X)),
        Refusal(
            "one-idx-file",
            "train-images-idx3-ubyte is one file of IDX, either images or labels.",
            "Send a zip of both files, as many such pairs as there are: MNIST's four go into one "
            "zip, and `part` says which pair is meant.",
        ),
    ),
    RealFile(
        "mnist.npz",
        "the arrays `x_train`, `y_train`, `x_test`, `y_test` of Keras",
        _arrays(**_keras()),
        Facts(_READ, note=_LEFT.format("`test`")),
    ),
    RealFile(
        "medmnist.npz",
        "the arrays `train_images`, `train_labels` (a column), `val_images`, ...",
        _arrays(
            train_images=_X, train_labels=_Y[:, None], val_images=_X[:5], val_labels=_Y[:5, None]
        ),
        Facts({**_READ, "rows": 5, "labels": list("01234")}),
        hints={"part": "validation"},
    ),
    RealFile(
        "digits.npz",
        "the arrays `images` and `labels`",
        _arrays(images=_X, labels=_Y),
        Facts(_READ),
    ),
    RealFile(
        "digits.npz",
        "the arrays `X` and `y`, each image a row of 784 numbers",
        _arrays(X=_X.reshape(20, 784), y=_Y),
        Facts(_READ, note="Rows of 784 numbers were read as images of 28 x 28."),
    ),
    RealFile(
        "sklearn.npz",
        "scikit-learn's digits: floats from 0 to 16 in `data`, `images` and `target`",
        _arrays(data=_small(), images=_small().reshape(20, 8, 8), target=_Y),
        Facts({**_READ, "image_shape": [1, 8, 8], "report.pixels.max": 255}, note=_SIXTEEN),
    ),
    RealFile(
        "binary.npz",
        "pixels of 0 and 1",
        _arrays(x=(_X > 100).astype(np.uint8), y=_Y),
        Facts({**_READ, "report.pixels.max": 255}, note=_ONE),
    ),
    RealFile(
        "one_hot.npz",
        "labels as one-hot rows, as Keras trains on",
        _arrays(x=_X, y=np.eye(10)[_Y]),
        Facts(_READ, note="One-hot labels became the numbers of their columns, from 0."),
    ),
    RealFile(
        "bytes.npz",
        "labels as bytes (`|S1`)",
        _arrays(x=_X, y=_Y.astype("S1")),
        Facts(_READ),
    ),
    RealFile(
        "standardised.npz",
        "pixels less their mean",
        _arrays(x=_X / 255 - 0.5, y=_Y),
        Refusal(
            "arrays-unfit",
            "The pixels go from -0.5 to 0.460784.",
            "Save images as uint8 from 0 to 255, or as floats from 0 to 1 or from 0 to 255.",
        ),
    ),
    RealFile(
        "pickled.npz",
        "labels as an array of Python objects",
        _arrays(x=_X, y=np.array(list(map(str, _Y)), dtype=object)),
        Refusal(
            "array-holds-objects",
            "The array `y` holds Python objects; reading it could run code.",
            "Save images as uint8 and labels as integers or strings "
            "(`numpy.asarray(y, dtype=str)`).",
        ),
    ),
    RealFile(
        "digits.zip",
        "class folders in `train` and `test`",
        _files(_images("digits/train/") | _images("digits/test/", 10)),
        Facts(_READ, note=_LEFT.format("`test` (10 images)")),
    ),
    RealFile(
        "digits.zip",
        "class folders beside the copies that Jupyter keeps",
        _files(
            _images()
            | {
                ".ipynb_checkpoints/0000-checkpoint.png": png(_X[0]),
                "3/.ipynb_checkpoints/0003-checkpoint.png": png(_X[3]),
            }
        ),
        Facts({**_READ, "report.left_out": 0}),
    ),
    RealFile(
        "digits.zip",
        "grey images saved as RGB",
        _files(_images(write=_saved("RGB"))),
        Facts(_READ, note=_ONE_CHANNEL),
    ),
    RealFile(
        "digits.zip",
        "grey images saved with a palette",
        _files(_images(write=_saved("P"))),
        Facts(_READ, note=_ONE_CHANNEL),
    ),
    RealFile(
        "scans.zip",
        "grey images of 16 bits",
        _files(_images(write=_of_16_bits)),
        Facts(_READ, note="20 image(s) of 16 bits became images of 8 bits."),
    ),
    RealFile(
        "masks.zip",
        "PNG files whose white is 1",
        _files(_images(write=lambda x: png((x > 100).astype(np.uint8)))),
        Facts({**_READ, "report.pixels.max": 255}, note=_ONE),
    ),
    RealFile(
        "photos.zip",
        "a photograph that its camera says to turn, beside one that stands upright",
        _files({"a/1.jpg": _turned(), "b/1.png": _saved("RGB")(np.zeros((16, 8), np.uint8))}),
        Facts({"kind": "images", "rows": 2, "image_shape": [3, 16, 8]}),
    ),
)
