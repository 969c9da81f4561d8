"""Errors of `babelport convert`, on the user's own machine."""

from __future__ import annotations

from app.domain.errors import InvalidInput


class ConversionUnknown(InvalidInput):
    """A file that convert has no way to read."""

    code = "conversion-unknown"

    def __init__(self, source: str) -> None:
        super().__init__(
            f"{source} is nothing that can be converted.",
            "Give a .pt, .pth, .ckpt, .pt2, .keras, .h5 or pickle file, or a Hugging Face "
            "directory with pytorch_model.bin or SetFit's model_head.pkl.",
            source=source,
        )


class ConversionNeedsTrust(InvalidInput):
    """Reading the file runs the code that is in it."""

    code = "conversion-needs-trust"

    def __init__(self, source: str, kind: str) -> None:
        super().__init__(
            f"{source} is {kind}: reading it can run code that someone has hidden in it.",
            "If you made the file yourself, or trust whoever did, run the command again with "
            "--trust. Otherwise read it in a sandbox.",
            source=source,
            kind=kind,
        )


class ConversionNeedsArchitecture(InvalidInput):
    """A file of weights without the network they belong to."""

    code = "conversion-needs-architecture"

    def __init__(self, source: str) -> None:
        super().__init__(
            f"{source} holds weights and does not say of which layers.",
            "Describe the layers in an architecture.json (docs/formats.md) and give it with "
            "--architecture.",
            source=source,
        )


class ConversionNeedsInput(InvalidInput):
    """An export needs to know the images that the network takes."""

    code = "conversion-needs-input"

    def __init__(self) -> None:
        super().__init__(
            "The network has to be run once, and nothing says on which images.",
            'Give them with --input \'{"channels": 1, "height": 28, "width": 28}\'.',
        )


class ConversionNeedsPackage(InvalidInput):
    """The library that reads the file is not installed."""

    code = "conversion-needs-package"

    def __init__(self, package: str, install: str) -> None:
        super().__init__(
            f"Converting this file needs {package}, which is not installed.",
            f"Install it where you run the command: pip install {install}",
            package=package,
        )


class ConversionFailed(InvalidInput):
    """The file was read, but no accepted model came of it."""

    code = "conversion-failed"

    def __init__(self, source: str, reason: str, advice: str) -> None:
        super().__init__(f"{source} could not be converted: {reason}", advice, source=source)


class TargetSuffixWrong(InvalidInput):
    """The target is named like another kind of file."""

    code = "target-suffix-wrong"

    def __init__(self, target: str, suffix: str) -> None:
        super().__init__(
            f"What is written is a {suffix} file, and {target} is not named like one.",
            f"Give a target that ends in {suffix}.",
            target=target,
            suffix=suffix,
        )
