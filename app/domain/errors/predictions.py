"""Errors about predictions: over HTTP, by the Open Inference Protocol, and in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.domain.enums import DatasetKind, Task
from app.domain.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Overloaded,
    TooLarge,
    TooLate,
    Unavailable,
)


class UnusableInput(InvalidInput):
    """One input is not what the model takes; `position` counts from 0, as in the request."""

    code = "input-unusable"

    def __init__(self, position: int, problem: str, advice: str) -> None:
        super().__init__(f"inputs[{position}] {problem}.", advice, position=position)


class ImageOfAnotherShape(InvalidInput):
    """An image has not the shape the model was trained on; shapes are channels, height, width."""

    code = "image-of-another-shape"

    def __init__(self, position: int, got: tuple[int, ...], wanted: tuple[int, int, int]) -> None:
        super().__init__(
            f"inputs[{position}] is an image of {_times(got)}; the model takes {_times(wanted)} "
            "(channels, height, width).",
            "Scale or crop the image to that shape before sending it.",
            position=position,
            got=list(got),
            wanted=list(wanted),
        )


class NothingToPredict(InvalidInput):
    """The request holds no input."""

    code = "no-inputs"

    def __init__(self) -> None:
        super().__init__(
            "The request holds no input.",
            'Send {"inputs": [...]} with at least one input, or {"input": ...}.',
        )


class TooManyInputs(TooLarge):
    """One request holds more inputs than the settings allow."""

    code = "too-many-inputs"

    def __init__(self, inputs: int, limit: int) -> None:
        super().__init__(
            f"The request holds {inputs} inputs; the limit is {limit}.",
            "Send them in several requests, or raise BABELPORT_MAX_PREDICT_INPUTS.",
            inputs=inputs,
            limit=limit,
        )


class TooManyWindows(TooLarge):
    """One text, or the texts of one request, take more windows than are allowed.

    `position` is that of the text, as in the request, by which they do; `of_text` says that this
    text alone has more than a text may have.
    """

    code = "too-many-windows"

    def __init__(self, position: int, windows: int, limit: int, of_text: bool) -> None:
        super().__init__(
            f"The text inputs[{position}] has more than {limit} windows, the most that a text may "
            "have."
            if of_text
            else f"The texts up to inputs[{position}] have {windows} windows together; a request "
            f"may have {limit}.",
            "Cut it into shorter texts, or make `stride` smaller."
            if of_text
            else "Send fewer texts in a request, or make `stride` smaller.",
            position=position,
            windows=windows,
            limit=limit,
        )


class WindowUnusable(InvalidInput):
    """A `window` was given for a model that does not classify texts."""

    code = "window-unusable"

    def __init__(self, task: str) -> None:
        super().__init__(
            f"`window` is for models that classify texts; this one does {task}.",
            "Leave `window` out: a tagger reads long sentences to their end, and images are read "
            "whole.",
            task=task,
        )


class TimeoutUnusable(InvalidInput):
    """The header that says how long an answer is of use holds no length of time."""

    code = "timeout-unusable"

    def __init__(self, value: str) -> None:
        super().__init__(
            f"X-Babelport-Timeout-Ms is {value[:40]!r}, which is no time to wait.",
            "Send a number of milliseconds above 0, or leave the header out.",
        )


class ModelCannotPredict(Conflict):
    """The model was rejected, or is an encoder without a head."""

    code = "model-cannot-predict"

    def __init__(self, model: str, reason: str, advice: str) -> None:
        super().__init__(f"The model {model} cannot predict: {reason}.", advice, model=model)


class QueueFull(Overloaded):
    """More inputs wait than can be answered in time; `held` and `share` are this key's."""

    code = "queue-full"

    def __init__(self, held: int, share: int, retry_after: int) -> None:
        super().__init__(
            f"Too much waits for answers: {held} inputs of yours, of {share} that may.",
            f"Send the request again in {retry_after} seconds, or fewer at once.",
            retry_after,
            held=held,
            share=share,
        )


class DeadlinePassed(TooLate):
    """The request's deadline passed before it was computed."""

    code = "deadline-passed"

    def __init__(self) -> None:
        super().__init__(
            "The time given for this request was over before it was computed.",
            "Give it more time, or send less at once.",
        )


class PredictorSilent(TooLate):
    """The process that computes predictions did not answer in the time of the settings."""

    code = "predictor-silent"

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The process that computes predictions did not answer within {seconds:g} seconds.",
            "A large model may still be loading: send the request again. If it happens again, look "
            "at /ready, and raise BABELPORT_PREDICTOR_SECONDS where loading takes longer.",
            seconds=seconds,
        )


class ModelsMemoryFull(Conflict):
    """Models that were loaded to stay leave no room for another one; sizes in bytes."""

    code = "models-memory-full"

    def __init__(self, model: str, needed: int, limit: int) -> None:
        super().__init__(
            f"With {model} the models that stay in memory would take {needed} bytes of {limit}.",
            "Unload another model, or raise BABELPORT_MODEL_MEMORY_BYTES.",
            model=model,
            needed=needed,
            limit=limit,
        )


class PredictorStopped(Unavailable):
    """The process that computes predictions ended while it held this request."""

    code = "predictor-stopped"

    def __init__(self) -> None:
        super().__init__(
            "The process that computes predictions ended while it held this request.",
            "Send the request again; if it happens again, the model may need more memory than "
            "there is.",
        )


class ModelNotLoaded(Unavailable):
    """The predictor could not load the model, or the model failed on this input."""

    code = "model-failed-to-predict"

    def __init__(self, model: str, reason: str) -> None:
        super().__init__(
            f"The model {model} could not be loaded or run: {reason}.",
            "Look at the log of the API; uploading the model again replaces a damaged file.",
            model=model,
            reason=reason,
        )


class AnswerNotFinite(Conflict):
    """A model answers an input with NaN or infinity, which no probability can be."""

    code = "answer-not-finite"

    def __init__(self, model: str, places: Sequence[str]) -> None:
        """`model` begins the sentence; `places` name the inputs, as `inputs[3]` or `row 17`."""
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        super().__init__(
            f"{model} answers {', '.join(places[:3])}{more} with NaN or infinity, not with "
            "probabilities.",
            "Leave that input out. Where plain inputs fail as well, the training diverged: train "
            "again with a smaller learning rate, or take another version of the model.",
            inputs=list(places[:20]),
            count=len(places),
        )


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


class InferenceRequestInvalid(InvalidInput):
    """The request is not of the protocol's form."""

    code = "inference-request-invalid"

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"The inference request {problem}.", advice)


class TensorInvalid(InvalidInput):
    """A tensor contradicts itself, or is none that a model takes."""

    code = "tensor-invalid"

    def __init__(self, name: str, problem: str, advice: str) -> None:
        super().__init__(f"The tensor {name!r} {problem}.", advice, tensor=name)


class OutputUnknown(InvalidInput):
    """The request wants an output that the model does not give."""

    code = "output-unknown"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        outputs = sorted(known)
        super().__init__(
            f"There is no output {name!r}.",
            f"Ask for {' or '.join(outputs)}, or name no outputs to get them all.",
            output=name,
            known=outputs,
        )


class GrpcNotInstalled(Unavailable):
    """A port for gRPC is set, but its package is missing."""

    code = "grpc-not-installed"

    def __init__(self) -> None:
        super().__init__(
            "BABELPORT_GRPC_PORT is set, but gRPC is not installed.",
            'Install it: pip install "babelport-server[grpc]".',
        )


class BatchPredictionNotFound(NotFound):
    """No batch prediction has this id."""

    code = "batch-prediction-not-found"

    def __init__(self, id: str) -> None:
        super().__init__(
            f"There is no batch prediction {id!r}.",
            "Use an id from GET /v1/batch-predictions.",
            id=id,
        )


class RowsUnfit(InvalidInput):
    """The model cannot predict rows of this kind."""

    code = "rows-unfit"

    def __init__(self, kind: DatasetKind, task: Task) -> None:
        super().__init__(
            f"The dataset holds {kind} rows, which a {task} model cannot predict.",
            "Give a dataset of images to a model of images, and of texts or tagged words, with "
            "labels or without, to a model of texts.",
            kind=kind,
            task=task,
        )


class ImagesUnfit(InvalidInput):
    """The dataset's images have another shape than the model takes."""

    code = "images-unfit"

    def __init__(self, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        super().__init__(
            f"The dataset's images are {_by(found)}, but the model takes {_by(wanted)} "
            "(channels x height x width).",
            "Scale the images to the model's shape before uploading them.",
            found=list(found),
            wanted=list(wanted),
        )


class BatchPredictionNotOver(Conflict):
    """A batch prediction that waits or runs cannot be deleted."""

    code = "batch-prediction-not-over"

    def __init__(self, id: str, state: str) -> None:
        super().__init__(
            f"The batch prediction {id} is {state}.",
            "Wait until it is over, or cancel it, and delete it then.",
            id=id,
            state=state,
        )


class NeededByBatchPredictions(Conflict):
    """A model or dataset cannot be deleted while queued or running batch predictions read it."""

    code = "needed-by-batch-predictions"

    def __init__(self, id: str, batch_predictions: list[str]) -> None:
        super().__init__(
            f"{id} is needed by {len(batch_predictions)} queued or running batch prediction(s).",
            "Wait until they end, or cancel them, and delete it then.",
            id=id,
            batch_predictions=batch_predictions,
        )


class PredictionInputsGone(Conflict):
    """The model or dataset was deleted between the request and its batch prediction."""

    code = "prediction-inputs-gone"

    def __init__(self, ids: list[str]) -> None:
        super().__init__(
            f"The batch prediction needs what is not here (any more): {', '.join(ids)}.",
            "Upload it again, or name another model or dataset.",
            ids=ids,
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape)
