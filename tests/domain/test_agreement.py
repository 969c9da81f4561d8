"""How far two predictions agree."""

from __future__ import annotations

from app.domain.aliases import Agreement, compare_predictions
from app.domain.predictions import LabelSetPrediction, Prediction, TaggedPrediction, WordTag


def test_labels_agree_or_not_and_differ_by_the_probability_of_what_the_first_said() -> None:
    main = Prediction("a", {"a": 0.75, "b": 0.25})
    assert compare_predictions(main, Prediction("a", {"b": 0.0, "a": 1.0})) == Agreement(True, 0.25)
    assert compare_predictions(main, Prediction("b", {"a": 0.25, "b": 0.75})) == Agreement(
        False, 0.5
    )


def test_label_sets_agree_as_sets_and_differ_by_the_farthest_label() -> None:
    main = LabelSetPrediction(("a", "b"), {"a": 0.75, "b": 0.5, "c": 0.0})
    same = LabelSetPrediction(("b", "a"), {"c": 0.25, "b": 0.5, "a": 0.5})
    assert compare_predictions(main, same) == Agreement(True, 0.25)
    fewer = LabelSetPrediction(("a",), {"a": 0.75, "b": 0.25, "c": 0.0})
    assert compare_predictions(main, fewer) == Agreement(False, 0.25)


def test_tagged_words_agree_when_every_word_does() -> None:
    main, other = _tagged(("O", 0.5), ("B-A", 0.75)), _tagged(("O", 0.75), ("I-A", 0.25))
    assert compare_predictions(main, main) == Agreement(True, 0.0)
    assert compare_predictions(main, other) == Agreement(False, 0.25)


def _tagged(*tags: tuple[str, float]) -> TaggedPrediction:
    words = tuple(WordTag("w", tag, probability, 0, 1) for tag, probability in tags)
    return TaggedPrediction(words, ())
