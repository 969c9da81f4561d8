"""Errors about ONNX files."""

from __future__ import annotations

from app.domain.errors import RejectedFile


class OnnxUnreadable(RejectedFile):
    """The file is no ONNX model, or a damaged one."""

    code = "onnx-unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The file cannot be read as an ONNX model: {reason}",
            "Export the model again and check it with onnx.checker.check_model before uploading.",
            reason=reason,
        )


class OnnxExternalData(RejectedFile):
    """Weights that lie outside the model's own file."""

    code = "onnx-external-data"

    def __init__(self, tensors: list[str], location: str) -> None:
        super().__init__(
            f"{len(tensors)} weights lie outside the ONNX file, {tensors[0]!r} among them, in "
            f"{location[:100]!r}, which is no file of the upload.",
            "Send both files in one zip, side by side, or save the model as one file: "
            "onnx.save(onnx.load(path), path), or torch.onnx.export(..., external_data=False).",
            tensors=tensors[:20],
            location=location[:100],
        )


class OnnxCustomDomain(RejectedFile):
    """Operators that are not ONNX's own."""

    code = "onnx-custom-domain"

    def __init__(self, operators: list[str]) -> None:
        super().__init__(
            f"The graph uses operators outside the ONNX standard: {', '.join(operators)}.",
            "Export with the standard operators alone; scikit-learn pipelines, quantised and "
            "runtime-optimised graphs cannot be trained on.",
            operators=operators,
        )


class OnnxOperatorUnsupported(RejectedFile):
    """Standard operators that cannot be turned into a trainable network here."""

    code = "onnx-operator-unsupported"

    def __init__(self, operators: list[str]) -> None:
        super().__init__(
            f"These operators are not supported in a trainable network: {', '.join(operators)}.",
            "Export the float model without control flow and before quantisation, or bring it as "
            "safetensors with an architecture.json.",
            operators=operators,
        )


class OnnxOpsetUnsupported(RejectedFile):
    """A graph in a version of the operators that is too old."""

    code = "onnx-opset-unsupported"

    def __init__(self, opset: int, oldest: int) -> None:
        super().__init__(
            f"The graph is written in opset {opset}; {oldest} is the oldest that is read.",
            "Convert it: onnx.version_converter.convert_version(model, 17), or export again.",
            opset=opset,
            oldest=oldest,
        )


class OnnxNotAnImageClassifier(RejectedFile):
    """A sound graph that does something else than naming what an image shows."""

    code = "onnx-not-an-image-classifier"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The graph is not an image classifier with one label per image: {reason}",
            "Export a network with one image input and one output of logits or softmax "
            "probabilities, shaped (images, classes).",
            reason=reason,
        )


class OnnxInputInvalid(RejectedFile):
    """The description of the images that the model takes is missing or contradictory."""

    code = "onnx-input-invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The model's image input is not clear: {reason}",
            "Send `input` with the upload, or write it into the file's metadata as `input`: "
            '{"channels": 1, "height": 28, "width": 28, "mean": [0.0], "std": [1.0]}.',
            reason=reason,
        )


class OnnxScalingUnclear(RejectedFile):
    """A graph that scales its input, but neither 0..255 nor 0..1 to numbers of usual size."""

    code = "onnx-scaling-unclear"

    def __init__(self, factor: float) -> None:
        super().__init__(
            f"The graph multiplies its input by {factor:.3g} before its first layer, which suits "
            "neither pixels from 0 to 255 nor from 0 to 1.",
            "Send `input` with `mean` and `std` for what it was trained on: a pixel of 0..255 "
            "becomes (value / 255 - mean) / std. For 0..255 that is mean 0 and std 0.00392157, "
            "for 0..16 std 0.0625, for 0..1 std 1.",
            factor=factor,
        )


class OnnxBatchFixed(RejectedFile):
    """A graph that answers differently when images come in a batch."""

    code = "onnx-batch-fixed"

    def __init__(self, batch: int | None, reason: str) -> None:
        size = "its images one by one" if batch is None else f"batches of {batch}"
        super().__init__(
            f"The graph only works with {size}, so it cannot be trained: {reason}",
            "Export it with a dynamic batch dimension (dynamic_shapes or dynamic_axes in torch, "
            "an input shape that starts with None in Keras).",
            batch=batch,
            reason=reason,
        )


class OnnxCannotRun(RejectedFile):
    """An operator that failed when the graph was tried on an image."""

    code = "onnx-cannot-run"

    def __init__(self, operator: str, node: str, reason: str) -> None:
        super().__init__(
            f"The graph fails at {operator} ({node or 'unnamed node'}): {reason}",
            "Check that the input's channels, height and width are those the model was made for.",
            operator=operator,
            node=node,
            reason=reason,
        )


class OnnxHeadNotFound(RejectedFile):
    """No last linear layer stands between the body and the logits."""

    code = "onnx-head-not-found"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The classifier's head cannot be told from its body: {reason}",
            "Export a network whose last layer with weights is a linear layer (Gemm or MatMul) "
            "or a convolution that everything passes through.",
            reason=reason,
        )
