"""Errors about a model's files: read as an upload, converted before, exported for a download."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import Conflict, InvalidInput, Overloaded, RejectedFile

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
            "Send a text classifier (of one or several labels), a tagger of words, an image "
            "classifier or a plain text encoder.",
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


class OutputSuffixWrong(InvalidInput):
    """The target is named like another kind of file."""

    code = "target-suffix-wrong"

    def __init__(self, target: str, suffix: str) -> None:
        super().__init__(
            f"What is written is a {suffix} file, and {target} is not named like one.",
            f"Give a target that ends in {suffix}.",
            target=target,
            suffix=suffix,
        )


class ExportUnsupported(Conflict):
    """A model that is no text classifier of transformers, and so has no other form."""

    code = "export-unsupported"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} is not exported: {reason}.",
            "Download it without `format`: its own file is complete.",
            model=model,
        )


class ModulesUnsupported(Conflict):
    """A model whose answers are more than modules of sentence-transformers can give."""

    code = "modules-unsupported"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} cannot be written as modules of sentence-transformers: {reason}.",
            "Download it with `format=onnx`, which holds any head.",
            model=model,
            reason=reason,
        )


class LanguageNotInBridge(InvalidInput):
    """The shift of the model cannot be fixed to this language, or no language was named."""

    code = "language-not-in-bridge"

    def __init__(self, model: str, language: str | None, known: Sequence[str]) -> None:
        said = "no language was named" if language is None else f"`{language}` is none of them"
        shifted = f"shifts texts of {', '.join(known)}" if known else "shifts no language"
        choose = f"Add `language=`, one of: {', '.join(known)}." if known else "Leave it out."
        super().__init__(
            f"The model {model} {shifted}, and {said}.",
            choose,
            model=model,
            language=language,
            known=list(known),
        )


class ExportFailed(Conflict):
    """The exporter, or the comparison with the network, failed."""

    code = "export-failed"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} could not be written in this form: {reason[:300]}.",
            "Download it without `format`, or ask the service, which answers with all of it.",
            model=model,
            reason=reason[:300],
        )


class ExportBusy(Overloaded):
    """An export is being made; one at a time is. `same`: it is the one that was asked for."""

    code = "export-busy"

    def __init__(self, retry_after: int, same: bool = False) -> None:
        super().__init__(
            "This model is being written in this form, since an earlier request."
            if same
            else "Another model, or another form of this one, is being written.",
            f"Send the request again in {retry_after} seconds"
            + (": what is being written is kept for it." if same else "."),
            retry_after,
        )
