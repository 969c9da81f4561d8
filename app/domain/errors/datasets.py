"""Errors about datasets."""

from __future__ import annotations

from app.domain.errors import InvalidInput


class LabelUnknownToModel(InvalidInput):
    """The dataset has labels that the model cannot answer."""

    code = "label-unknown-to-model"

    def __init__(self, first_rows: dict[str, int], known: tuple[str, ...]) -> None:
        named = ", ".join(f"`{label}` (row {row})" for label, row in _few(first_rows).items())
        more = f" and {len(first_rows) - 5} more" if len(first_rows) > 5 else ""
        super().__init__(
            f"The model does not know these labels of the dataset: {named}{more}.",
            "Say with `label_mapping` which label of the model each of them is, or remove those "
            f"rows. The model's labels are: {', '.join(known)}.",
            labels=first_rows,
            known=list(known),
        )


class TooFewRowsToSplit(InvalidInput):
    """A part cannot be split off such that rows are left on both sides."""

    code = "too-few-rows-to-split"

    def __init__(self, rows: int, units: int, fraction: float) -> None:
        in_groups = f" in {units} group(s)" if units < rows else ""
        super().__init__(
            f"{rows} row(s){in_groups} cannot be split into {1 - fraction:.0%} and {fraction:.0%}: "
            "one side would be empty.",
            "Send more rows (of more groups), or send the other part as a dataset of its own.",
            rows=rows,
            groups=units,
            fraction=fraction,
        )


class TokenizerMissing(InvalidInput):
    """The model has no tokenizer by which the fertility could be counted."""

    code = "tokenizer-missing"

    def __init__(self) -> None:
        super().__init__(
            "The model has no `tokenizer.json`, so that no tokens can be counted.",
            "Name a text model, or leave the model out.",
        )


def _few(first_rows: dict[str, int]) -> dict[str, int]:
    return dict(list(first_rows.items())[:5])
