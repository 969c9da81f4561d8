"""Errors about references to records that are not there."""

from __future__ import annotations

from datetime import datetime

from app.domain.errors import NotFound


class ModelNotFound(NotFound):
    """No model has this id, name or version."""

    code = "model-not-found"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"There is no model {reference!r}.",
            "Use an id, a name (its newest ready version), name@version or name@alias from "
            "GET /v1/models.",
            model=reference,
        )


class DatasetNotFound(NotFound):
    """No dataset has this id."""

    code = "dataset-not-found"

    def __init__(self, dataset_id: str) -> None:
        super().__init__(
            f"There is no dataset {dataset_id!r}.",
            "Use an id from GET /v1/datasets.",
            dataset=dataset_id,
        )


class EvaluationNotFound(NotFound):
    """No evaluation has this id."""

    code = "evaluation-not-found"

    def __init__(self, evaluation_id: str) -> None:
        super().__init__(
            f"There is no evaluation {evaluation_id!r}.",
            "Use an id from GET /v1/evaluations.",
            evaluation=evaluation_id,
        )


class NotRecorded(NotFound):
    """The record is there, but not the part of it that was asked for."""

    code = "not-recorded"

    def __init__(self, what: str, owner: str, advice: str) -> None:
        super().__init__(f"There is no {what} of {owner}.", advice, owner=owner)


class DroppedByRetention(NotFound):
    """The part that was asked for was kept as long as the settings say, and is gone."""

    code = "dropped-by-retention"

    def __init__(
        self,
        owner: str,
        dropped_at: datetime,
        job: str = "transfer",
        setting: str = "BABELPORT_KEEP_PREDICTIONS_DAYS",
    ) -> None:
        """`job` is what makes new ones, `setting` what says how long they are kept."""
        super().__init__(
            f"The predictions of {owner} were dropped on {dropped_at:%Y-%m-%d}, after the time for "
            "which they are kept.",
            f"Start the {job} again to get new ones, and keep them for longer with a higher "
            f"{setting} (0 keeps them for ever).",
            owner=owner,
            dropped_at=dropped_at.isoformat(),
        )
