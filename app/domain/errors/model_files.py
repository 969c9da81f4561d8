"""Errors about the files of a model: what they are, what they hold, whether they fit together."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import RejectedFile

ACCEPTED = (
    "a Hugging Face directory as .zip or .tar.gz (config.json, *.safetensors, and tokenizer.json "
    "or preprocessor_config.json)",
    "a zip of model.safetensors and architecture.json",
    "an image classifier as .onnx",
    "word vectors (word2vec, fastText's .vec, GloVe, or .npz with words)",
)


class FormatRunsCode(RejectedFile):
    """The file is of a kind that runs code when it is read."""

    code = "format-runs-code"

    def __init__(self, file: str, kind: str) -> None:
        super().__init__(
            f"{file} is {kind}, a format that can run code when it is read.",
            _conversion(file),
            file=file,
            kind=kind,
        )


def _conversion(file: str) -> str:
    name = file.rpartition("/")[2].lower()
    if name == "model_head.pkl":
        return (
            "It is the head of a SetFit model. Run `babelport convert DIRECTORY TARGET.zip "
            "--trust` on the machine where you trust the file, and send what it writes."
        )
    if name.endswith((".pkl", ".pickle", ".joblib")):
        return (
            "If it holds a PyTorch network, run `babelport convert SOURCE TARGET --trust` on the "
            "machine where you trust the file; a SetFit head is converted with its directory. Any "
            "other model of scikit-learn has no form that the service takes."
        )
    return (
        "Run `babelport convert SOURCE TARGET` on the machine where you trust the file, and "
        "send what it writes; in a folder with safetensors, leave this file out."
    )


class AdapterNotMerged(RejectedFile):
    """The upload is what PEFT adds to a model, and not the model."""

    code = "adapter-not-merged"

    def __init__(self, kind: str, base: str, task: str) -> None:
        maker = {
            "SEQ_CLS": "AutoPeftModelForSequenceClassification",
            "TOKEN_CLS": "AutoPeftModelForTokenClassification",
            "FEATURE_EXTRACTION": "AutoPeftModelForFeatureExtraction",
        }.get(task, "AutoPeftModel")
        super().__init__(
            f"The upload is a PEFT adapter ({kind}) for {base}, not a whole model.",
            f"Merge it where you have {base}, and send what this writes: `peft.{maker}"
            ".from_pretrained(ADAPTER, num_labels=N).merge_and_unload().save_pretrained(FOLDER)`, "
            "and the tokenizer's `save_pretrained(FOLDER)`; name the labels on uploading.",
            base=base,
        )


class ModelNotAtTop(RejectedFile):
    """There are models in folders of the archive, and none around them."""

    code = "model-not-at-top"

    def __init__(self, folders: Sequence[str]) -> None:
        super().__init__(
            f"The archive holds models in {', '.join(folders[:8])}, and none beside them.",
            "Pack the one folder that you want to send, and nothing around it.",
            folders=list(folders[:50]),
        )


class FileEmpty(RejectedFile):
    """There is not one byte in the upload."""

    code = "file-empty"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is empty.", "Check that the file was written, and send it again.", file=file
        )


class FormatUnknown(RejectedFile):
    """Nothing in the upload is a model that the service reads."""

    code = "format-unknown"

    def __init__(self, found: Sequence[str]) -> None:
        some = ", ".join(found[:8]) or "nothing"
        super().__init__(
            f"No model was recognised; the upload holds {some}.",
            f"Send one of: {'; '.join(ACCEPTED)}.",
            found=list(found[:50]),
        )


class FileMissing(RejectedFile):
    """A model folder lacks a file that its format needs."""

    code = "model-file-missing"

    def __init__(self, file: str, why: str, advice: str) -> None:
        super().__init__(f"The model has no {file}, which {why}.", advice, file=file)


class FileInvalid(RejectedFile):
    """A file of the model is damaged or says something that cannot be."""

    code = "model-file-invalid"

    def __init__(self, file: str, problem: str, advice: str = "") -> None:
        super().__init__(
            f"{file}: {problem}.",
            advice or f"Write {file} again with the program that made the model.",
            file=file,
            problem=problem,
        )


class TaskUnsupported(RejectedFile):
    """The model does something else than the service can transfer."""

    code = "task-unsupported"

    def __init__(self, found: str) -> None:
        super().__init__(
            f"The model is {found}.",
            "Send a single-label text or image classifier, or a plain text encoder.",
            found=found,
        )


class ArchitectureUnsupported(RejectedFile):
    """The network's kind, or one of its layers, cannot be read here."""

    code = "architecture-unsupported"

    def __init__(self, architecture: str, reason: str) -> None:
        super().__init__(
            f"The architecture {architecture} cannot be used: {reason}.",
            "Send a model of another architecture, or an image classifier as ONNX.",
            architecture=architecture,
            reason=reason,
        )


class WeightsDoNotFit(RejectedFile):
    """The weight file and the architecture disagree about a tensor."""

    code = "weights-do-not-fit"

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(
            f"{file} does not fit the architecture: {problem}.",
            "Save the weights and the architecture from the same network and send both.",
            file=file,
            problem=problem,
        )


class TokenizerDoesNotFit(RejectedFile):
    """The tokenizer makes numbers for which the network has no row."""

    code = "tokenizer-does-not-fit"

    def __init__(self, tokens: int, rows: int) -> None:
        super().__init__(
            f"The tokenizer numbers its tokens up to {tokens - 1:,}, which takes {tokens:,} rows, "
            f"but the network's embedding has {rows:,}.",
            "Send the tokenizer that the network was trained with; or call "
            "`model.resize_token_embeddings(len(tokenizer))`, train the new rows, and save both.",
            tokens=tokens,
            rows=rows,
        )


class LabelsDoNotFit(RejectedFile):
    """The number of labels is not the number of the model's answers."""

    code = "labels-do-not-fit"

    def __init__(self, labels: int, outputs: int) -> None:
        super().__init__(
            f"The model gives {outputs} numbers for each input, but {labels} labels are named.",
            f"Name exactly {outputs} different labels, in the order of the model's outputs.",
            labels=labels,
            outputs=outputs,
        )


class WeightsNotFinite(RejectedFile):
    """The model's answers are not numbers."""

    code = "weights-not-finite"

    def __init__(self) -> None:
        super().__init__(
            "The model answers a plain input with NaN or infinity.",
            "Check the training: weights that diverged cannot be transferred.",
        )
