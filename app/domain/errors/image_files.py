"""Errors about the files that images and their labels come in."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import RejectedFile


class ArraysUnfit(RejectedFile):
    """The arrays of an NPZ or IDX file are not images with their labels."""

    code = "arrays-unfit"

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}.", advice, reason=reason)


class ArrayHoldsObjects(RejectedFile):
    """Reading an array of Python objects would run a pickle."""

    code = "array-holds-objects"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The array `{name}` holds Python objects; reading it could run code.",
            "Save images as uint8 and labels as integers or strings "
            "(`numpy.asarray(y, dtype=str)`).",
            array=name,
        )


class OneIdxFile(RejectedFile):
    """One of the two files that an IDX data set consists of."""

    code = "one-idx-file"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is one file of IDX, either images or labels.",
            "Send a zip of both files, as many such pairs as there are: MNIST's four go into one "
            "zip, and `part` says which pair is meant.",
            file=file,
        )


class PartMissing(RejectedFile):
    """A file of several parts, or of none, has not the part that was asked for."""

    code = "part-missing"

    def __init__(self, part: str, found: Sequence[str]) -> None:
        has = f"it has {', '.join(found)}" if found else "its names tell of no parts"
        super().__init__(
            f"The file has no part `{part}`: {has}.",
            "Leave `part` out, or give the name of a part that is there.",
            part=part,
            found=list(found),
        )


class ImageUnreadable(RejectedFile):
    """A file in a class folder is no image that can be decoded."""

    code = "image-unreadable"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"`{file}` cannot be read as an image: {reason}.",
            "Replace or remove the file. PNG, JPEG, BMP and WebP images are read.",
            file=file,
        )


class ImageShapesDiffer(RejectedFile):
    """All images of one dataset have one height and width."""

    code = "image-shapes-differ"

    def __init__(self, file: str, size: tuple[int, int], first: tuple[int, int]) -> None:
        super().__init__(
            f"`{file}` is {size[0]} x {size[1]} pixels, the images before it are "
            f"{first[0]} x {first[1]}.",
            "Scale all images to one size, best to the size that the model takes.",
            file=file,
        )


class ClassFoldersUnclear(RejectedFile):
    """An image lies where no class folder can be told."""

    code = "class-folders-unclear"

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(
            f"The class of `{file}` is unclear: {reason}.",
            "Put every image into a folder named after its class, one folder deep "
            "(`digits/3/0001.png`); send training and test images as two datasets.",
            file=file,
        )
