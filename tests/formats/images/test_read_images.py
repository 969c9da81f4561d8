"""Image files of every kind, read in this process."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.domain.enums import DatasetKind
from app.domain.errors import RejectedFile
from app.formats.images.pixels import ImageRows, read_image_rows
from app.formats.read_dataset import read_dataset
from tests.support.datasets import (
    a_class_folder_zip,
    an_idx_zip,
    an_npz,
    digit_images,
    png,
)

LIMIT = 10**7


def _read(file: Path, **hints: Any) -> tuple[dict[str, Any], ImageRows]:
    canonical = file.parent / "canonical"
    facts = read_dataset(str(file), file.name, hints, "bn", str(canonical), LIMIT, 1000)
    assert not [path for path in file.parent.iterdir() if path.is_dir()]
    return facts, read_image_rows(canonical)


def _refusal(file: Path, **hints: Any) -> RejectedFile:
    with pytest.raises(RejectedFile) as refused:
        _read(file, **hints)
    assert refused.value.advice
    json.dumps(refused.value.as_dict())
    return refused.value


def _zip(file: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file


def test_an_npz_becomes_images_and_labels(tmp_path: Path) -> None:
    facts, rows = _read(an_npz(tmp_path / "a.npz"))
    x, y = digit_images()
    assert np.array_equal(rows.images[:, 0], x)
    assert np.array_equal(rows.targets, y)
    assert facts["labels"] == list("0123456789")
    assert facts["image_shape"] == [1, 28, 28]
    assert (facts["kind"], facts["rows"], facts["grouped"]) == (DatasetKind.IMAGES, 60, False)


@pytest.mark.parametrize("gzipped", [True, False])
def test_a_pair_of_idx_files_becomes_the_same(tmp_path: Path, gzipped: bool) -> None:
    facts, rows = _read(an_idx_zip(tmp_path / "a.zip", gzipped=gzipped))
    x, y = digit_images()
    assert np.array_equal(rows.images[:, 0], x)
    assert np.array_equal(rows.targets, y)
    assert facts["report"]["format"] == "idx"


@pytest.mark.parametrize("top", ["", "digits/"])
def test_class_folders_become_the_same_in_the_order_of_their_paths(
    tmp_path: Path, top: str
) -> None:
    facts, rows = _read(a_class_folder_zip(tmp_path / "a.zip", rows=30, top=top))
    x, y = digit_images(30)
    order = np.argsort(y, kind="stable")
    assert np.array_equal(rows.images[:, 0], x[order])
    assert np.array_equal(rows.targets, y[order])
    assert facts["labels"] == list("0123456789")


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((4, 6, 5), 1), ((4, 3, 6, 5), 3), ((4, 1, 6, 5), 1), ((4, 6, 5, 3), 3), ((4, 6, 5, 1), 1)],
)
def test_the_axes_of_images_are_recognised_by_their_lengths(
    tmp_path: Path, shape: tuple[int, ...], channels: int
) -> None:
    x = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    _, rows = _read(an_npz(tmp_path / "a.npz", x, np.arange(4)))
    assert rows.images.shape == (4, channels, 6, 5)
    last = shape[-1] in (1, 3)
    expected = x.transpose(0, 3, 1, 2) if last else x.reshape(4, channels, 6, 5)
    assert np.array_equal(rows.images, expected)


@pytest.mark.parametrize(
    ("convert", "note"),
    [
        (lambda x: x.astype(np.float32) / 255, "multiplied by 255"),
        (lambda x: x.astype(np.float64), "rounded to uint8"),
        (lambda x: x.astype(np.int64), "rounded to uint8"),
        (lambda x: x.astype(np.float16) / np.float16(255), "multiplied by 255"),
    ],
)
def test_other_numbers_are_converted_and_the_report_says_so(
    tmp_path: Path, convert: Any, note: str
) -> None:
    x, y = digit_images(20)
    facts, rows = _read(an_npz(tmp_path / "a.npz", convert(x), y))
    assert np.abs(rows.images[:, 0].astype(int) - x.astype(int)).max() <= 1
    assert any(note in text for text in facts["report"]["notes"])


def test_labels_may_be_strings_and_whole_floats(tmp_path: Path) -> None:
    x, _ = digit_images(3)
    assert _read(an_npz(tmp_path / "a.npz", x, np.array(["क", "1.0", "NA"])))[0]["labels"] == [
        "1.0",
        "NA",
        "क",
    ]
    assert _read(an_npz(tmp_path / "b.npz", x, np.array([[10.0], [2.0], [2.0]])))[0]["labels"] == [
        "2",
        "10",
    ]


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.full((2, 4, 4), -1.0), np.arange(2), "from -1 to -1"),
        (np.full((2, 4, 4), np.nan), np.arange(2), "from nan to nan"),
        (np.full((2, 4, 4), 300), np.arange(2), "from 300 to 300"),
        (np.zeros((2, 5), np.uint8), np.arange(2), "shape (2, 5)"),
        (np.full((2, 4, 4), 2.5), np.arange(2), "fractions up to 2.5"),
        (np.full((2, 4, 4), 1 / 255), np.arange(2), "nearly black"),
        (np.zeros((2, 7, 4, 5), np.uint8), np.arange(2), "shape (2, 7, 4, 5)"),
        (np.zeros((2, 0, 4), np.uint8), np.arange(2), "without a pixel"),
        (np.zeros((2, 4, 4), complex), np.arange(2), "complex"),
        (np.zeros((2, 4, 4), np.uint8), np.arange(3), "2 image(s) and 3 label(s)"),
        (np.zeros((2, 4, 4), np.uint8), np.ones((2, 2)), "shape (2, 2)"),
        (np.zeros((2, 4, 4), np.uint8), np.array([b"a", b"\xff"]), "no text in UTF-8"),
        (np.zeros((2, 4, 4), np.uint8), np.array([0.5, 1]), "float64"),
        (np.zeros((2, 4, 4), np.uint8), np.array(["a", " "]), "row 2 is empty"),
    ],
)
def test_arrays_that_are_no_images_with_labels_are_refused(
    tmp_path: Path, x: np.ndarray, y: np.ndarray, said: str
) -> None:
    refusal = _refusal(an_npz(tmp_path / "a.npz", x, y))
    assert refusal.code == "arrays-unfit"
    assert said in refusal.message


def test_an_array_of_objects_is_refused_unread(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(trap), "w"))

    refusal = _refusal(an_npz(tmp_path / "a.npz", y=np.array([Trap()], dtype=object)))
    assert refusal.code == "array-holds-objects"
    assert not trap.exists()


def test_names_of_arrays_that_tell_nothing_are_refused_with_those_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", foo=np.zeros((2, 4, 4)), bar_train=np.arange(2))
    assert "bar_train, foo" in _refusal(tmp_path / "a.npz").message


@pytest.mark.parametrize("part", ["train", "test", "validation"])
def test_one_part_of_a_file_of_several_is_read(tmp_path: Path, part: str) -> None:
    x, y = digit_images(20)
    arrays = {"x_train": x[:12], "y_train": y[:12], "x_test": x[12:], "y_test": y[12:]}
    np.savez(tmp_path / "a.npz", **arrays)
    if part == "validation":
        refusal = _refusal(tmp_path / "a.npz", part=part)
        assert (refusal.code, refusal.fields["found"]) == ("part-missing", ["test", "train"])
        return
    facts, rows = _read(tmp_path / "a.npz", part=part)
    assert np.array_equal(rows.images[:, 0], arrays[f"x_{part}"])
    assert any(f"`{part}` was read" in note for note in facts["report"]["notes"])


@pytest.mark.parametrize("white", [1, 15, 16])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_pixels_with_another_white_are_scaled_and_the_report_says_so(
    tmp_path: Path, white: int, dtype: type
) -> None:
    x = np.random.default_rng(0).integers(0, white + 1, (6, 8, 8)).astype(dtype)
    facts, rows = _read(an_npz(tmp_path / "a.npz", x, np.arange(6)))
    expected = np.round(x * (255 / (1 if white == 1 else 16)))
    assert np.array_equal(rows.images[:, 0], expected)
    noted = "multiplied by 255" in " ".join(facts["report"]["notes"])
    assert noted


def test_pixels_of_8_bits_keep_their_range_however_dark_one_image_is(tmp_path: Path) -> None:
    x, y = digit_images(4)
    x[1] = x[1] // 16
    _, rows = _read(an_npz(tmp_path / "a.npz", x, y))
    assert np.array_equal(rows.images[:, 0], x)


def test_no_image_at_all_is_no_usable_row(tmp_path: Path) -> None:
    refusal = _refusal(an_npz(tmp_path / "a.npz", np.zeros((0, 4, 4), np.uint8), np.zeros(0, int)))
    assert refusal.code == "no-usable-rows"


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    for build, name in ((an_npz, "a.npz"), (an_idx_zip, "a.zip"), (a_class_folder_zip, "b.zip")):
        whole = build(tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        assert _refusal(tmp_path / name).code == "archive-damaged"


def test_an_array_that_ends_early_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((10, 8, 8), np.uint8))
    file = _zip(tmp_path / "a.npz", x_dot_npy=buffer.getvalue()[:-9], y_dot_npy=b"\x93NUMPY")
    assert _refusal(file).code == "file-damaged"


def test_idx_files_that_are_no_pair_are_refused(tmp_path: Path) -> None:
    labels = b"\0\0\x08\x01\0\0\0\x02\x01\x02"
    assert _refusal(_zip(tmp_path / "a.zip", one=labels)).code == "arrays-unfit"
    assert _refusal(_zip(tmp_path / "b.zip", one=labels, two=labels)).code == "arrays-unfit"


def test_an_idx_file_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    labels, images = b"\0\0\x08\x01\0\0\0\x01\x01", b"\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x02abc"
    assert _refusal(_zip(tmp_path / "a.zip", x=images, y=labels)).code == "file-damaged"
    huge = b"\0\0\x08\x03\xff\xff\xff\xff\0\0\xff\xff\0\0\xff\xff"
    assert _refusal(_zip(tmp_path / "b.zip", x=huge, y=labels)).code == "archive-too-large"
    bomb = gzip.compress(b"\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x02" + bytes(10**7))
    assert _refusal(_zip(tmp_path / "c.zip", x=bomb, y=labels)).code == "file-damaged"


def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    good = png(np.zeros((4, 4), np.uint8))
    file = _zip(tmp_path / "a.zip", a__1_dot_png=good, b__2_dot_png=good[:-30])
    assert _refusal(file).fields["file"] == "b/2.png"
    file = _zip(tmp_path / "b.zip", a__1_dot_png=good, b__2_dot_png=b"no image")
    assert _refusal(file).code == "image-unreadable"


def test_images_of_different_sizes_are_refused(tmp_path: Path) -> None:
    one, two = png(np.zeros((4, 4), np.uint8)), png(np.zeros((4, 5), np.uint8))
    refusal = _refusal(_zip(tmp_path / "a.zip", a__1_dot_png=one, b__2_dot_png=two))
    assert refusal.code == "image-shapes-differ"
    assert "`b/2.png` is 5 x 4 pixels" in refusal.message


def test_images_whose_class_is_unclear_are_refused(tmp_path: Path) -> None:
    image = png(np.zeros((4, 4), np.uint8))
    flat = _zip(tmp_path / "a.zip", a__1_dot_png=image, two_dot_png=image)
    deep = _zip(tmp_path / "b.zip", old__a__1_dot_png=image, new__a__1_dot_png=image)
    assert _refusal(flat).code == _refusal(deep).code == "class-folders-unclear"


def test_one_image_in_colour_makes_all_images_colour(tmp_path: Path) -> None:
    grey, colour = np.full((4, 4), 7, np.uint8), np.full((4, 4, 3), 9, np.uint8)
    colour[0, 0] = (255, 0, 0)
    file = _zip(tmp_path / "a.zip", a__1_dot_png=png(grey), b__2_dot_png=png(colour))
    facts, rows = _read(file)
    assert facts["image_shape"] == [3, 4, 4]
    assert rows.images[0, :, 0, 0].tolist() == [7, 7, 7]
    assert rows.images[1, :, 0, 0].tolist() == [255, 0, 0]


def test_a_photograph_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    Image.new("L", (16, 8)).save(buffer, format="JPEG", exif=exif)
    turned, upright = buffer.getvalue(), png(np.zeros((16, 8), np.uint8))
    facts, _ = _read(_zip(tmp_path / "a.zip", a__1_dot_jpg=turned, b__1_dot_png=upright))
    assert facts["image_shape"] == [1, 16, 8]


def test_transparent_ground_becomes_white(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("LA", (4, 4), (0, 0)).save(buffer, format="PNG")
    clear = buffer.getvalue()
    _, rows = _read(_zip(tmp_path / "a.zip", a__1_dot_png=clear, b__1_dot_png=clear))
    assert rows.images.min() == 255


def test_a_bomb_of_an_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("1", (9000, 9000)).save(buffer, format="PNG")
    bomb = buffer.getvalue()
    refusal = _refusal(_zip(tmp_path / "a.zip", a__1_dot_png=bomb, b__1_dot_png=bomb))
    assert refusal.code == "archive-too-large"


def test_files_that_are_no_images_are_left_out_and_noted(tmp_path: Path) -> None:
    image = png(np.zeros((4, 4), np.uint8))
    facts, _ = _read(_zip(tmp_path / "a.zip", a__1_dot_png=image, README=b"hello"))
    assert facts["report"]["left_out"] == 1
    assert any("README" in note for note in facts["report"]["notes"])


def test_an_archive_without_images_is_no_dataset(tmp_path: Path) -> None:
    refusal = _refusal(_zip(tmp_path / "a.zip", data_dot_xml=b"<rows/>"))
    assert refusal.code == "dataset-format-unknown"
    sent_as_text = _refusal(an_npz(tmp_path / "b.npz"), kind="labelled")
    assert sent_as_text.code == "dataset-kind-differs"


def test_the_report_tells_polarity_range_and_duplicates(tmp_path: Path) -> None:
    x, y = digit_images(20)
    x[15:] = 255 - x[15:]
    x[3] = x[2]
    report = _read(an_npz(tmp_path / "a.npz", x, y))[0]["report"]
    assert report["polarity"] == {"light_on_dark": 0.75, "dark_on_light": 0.25}
    assert report["pixels"]["max"] == x.max()
    assert report["duplicates"]["conflicts"] == [{"rows": [3, 4], "labels": ["2", "3"]}]
    assert sum("light on dark" in note for note in report["notes"]) == 1
