"""Errors of single formats of models: ONNX, word vectors and `architecture.json`."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import Conflict, InvalidInput, RejectedFile

_ADVICE = "See docs/formats.md for the layers and arguments that architecture.json may name."


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
            f"The classifier's head cannot be separated from its body: {reason}",
            "Export a network whose last layer with weights is a linear layer (Gemm or MatMul) "
            "or a convolution that everything passes through.",
            reason=reason,
        )


class FastTextBinary(RejectedFile):
    """A fastText model with its n-grams, whose layout is the library's own."""

    code = "fasttext-binary"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is a binary fastText model, which cannot be read here.",
            "Send the .vec file that is published beside it, or write one: a line with the number "
            "of words and the width, then each word with its numbers.",
            file=file,
        )


class VectorsAmbiguous(RejectedFile):
    """There are several files of word vectors."""

    code = "vectors-ambiguous"

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(
            f"Each of {', '.join(files[:8])} could be the word vectors.",
            "Send one of them alone, or in an archive without the others.",
            files=list(files[:50]),
        )


class VectorsMalformed(RejectedFile):
    """Too many lines are no word with as many numbers as the others have."""

    code = "vectors-malformed"

    def __init__(self, file: str, line: int, problem: str, lines: int, bad: int) -> None:
        super().__init__(
            f"{file}, line {line}: {problem}. Of {lines} lines, {bad} cannot be read.",
            "Each line must be a word in UTF-8 and the same count of finite numbers, separated by "
            "single spaces.",
            file=file,
            line=line,
            problem=problem,
            lines=lines,
            bad=bad,
        )


class VectorsTruncated(RejectedFile):
    """The file ends before all the words that its first line promises."""

    code = "vectors-truncated"

    def __init__(self, file: str, promised: int, found: int) -> None:
        super().__init__(
            f"{file} ends after {found} of the {promised} words that its first line promises.",
            "Download or write the file again; to use only the first words, correct that line.",
            file=file,
            promised=promised,
            found=found,
        )


class VocabularyUnfit(RejectedFile):
    """A matrix has another number of rows than its vocabulary has words."""

    code = "vocabulary-unfit"

    def __init__(self, words: int, rows: int) -> None:
        super().__init__(
            f"The matrix has {rows} rows, but the vocabulary has {words} words.",
            "Write one word for each row, in the order of the rows.",
            words=words,
            rows=rows,
        )


class NoWordVectors(Conflict):
    """The model holds no vectors of words that could be compared."""

    code = "no-word-vectors"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model {model} is no model of word vectors.",
            "Name a model whose `facts.format` is word_vectors.",
            model=model,
        )


class WordsUnknown(InvalidInput):
    """None of the words asked for is in the model's vocabulary."""

    code = "words-unknown"

    def __init__(self, model: str, words: Sequence[str]) -> None:
        super().__init__(
            f"The model {model} knows none of these words: {', '.join(words[:10])}.",
            "Check their spelling and case, or ask the model of the other language.",
            model=model,
            words=list(words[:100]),
        )


class LanguageNotInModel(InvalidInput):
    """The model has no vocabulary of the language asked for."""

    code = "language-not-in-model"

    def __init__(self, model: str, language: str, known: Sequence[str]) -> None:
        super().__init__(
            f"The model {model} has no vocabulary of `{language}`; it has {', '.join(known)}.",
            "Ask for one of its languages, or leave the language out.",
            model=model,
            language=language,
            known=list(known),
        )


class WidthsDiffer(InvalidInput):
    """Vectors of two models are of different widths and cannot be compared."""

    code = "widths-differ"

    def __init__(self, source: int, target: int) -> None:
        super().__init__(
            f"The source vectors have {source} numbers per word, the target vectors {target}.",
            "Use vectors of one width for both languages: train or download them alike.",
            source=source,
            target=target,
        )


class ArchitectureInvalid(RejectedFile):
    """The file as a whole, its `input` or its `labels` are not as they must be."""

    code = "architecture-invalid"

    def __init__(self, problem: str) -> None:
        super().__init__(f"architecture.json: {problem}.", _ADVICE, problem=problem)


class LayerInvalid(RejectedFile):
    """One layer is of an unknown kind, has wrong arguments, or does not fit the one before."""

    code = "layer-invalid"

    def __init__(self, number: int, kind: str, problem: str) -> None:
        super().__init__(
            f"architecture.json: layer {number} ({kind}): {problem}.",
            _ADVICE,
            layer=number,
            kind=kind,
            problem=problem,
        )


class NetworkTooLarge(RejectedFile):
    """The layers would need more memory than a classifier of images has use for."""

    code = "network-too-large"

    def __init__(self, number: int, what: str, limit: int) -> None:
        super().__init__(
            f"architecture.json: up to layer {number} the network has more than {limit:,} {what}.",
            "Send a smaller network.",
            layer=number,
            what=what,
            limit=limit,
        )
