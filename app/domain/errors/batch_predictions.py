"""Errors about batch predictions."""

from __future__ import annotations

from app.domain.enums import DatasetKind, Task
from app.domain.errors import Conflict, InvalidInput, NotFound


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
    """The model cannot be asked about rows of this kind."""

    code = "rows-unfit"

    def __init__(self, kind: DatasetKind, task: Task) -> None:
        super().__init__(
            f"The dataset holds {kind} rows, about which a {task} model cannot be asked.",
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
