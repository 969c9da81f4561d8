"""BIO tags in the scheme of a model's labels, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.formats.dataset_rows import to_model_scheme
from app.formats.tables.read_tokens import normalise_tags

_TYPES = ("PER", "LOC")
_ENTITIES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(_TYPES), st.integers(1, 4)), max_size=5
)


def _labels(letters: str) -> tuple[str, ...]:
    return ("O", *(f"{letter}-{kind}" for kind in _TYPES for letter in letters))


@pytest.mark.parametrize("letters", ["BIES", "BILU", "BMES", "BI"])
@given(entities=_ENTITIES)
def test_tags_in_the_scheme_of_a_model_are_its_labels_and_come_back_as_bio(
    letters: str, entities: list[tuple[int, str, int]]
) -> None:
    tags: list[str] = []
    for outside, kind, words in entities:
        tags += ["O"] * outside + [f"B-{kind}"] + [f"I-{kind}"] * (words - 1)
    written = to_model_scheme(_labels(letters), tags)
    assert set(written) <= set(_labels(letters))
    assert normalise_tags([(1, written)], "tags").tags == [tags]


def test_the_middle_of_bmes_has_its_own_letter() -> None:
    tags = ["B-LOC", "I-LOC", "I-LOC", "O", "B-PER"]
    assert to_model_scheme(_labels("BMES"), tags) == ["B-LOC", "M-LOC", "E-LOC", "O", "S-PER"]
