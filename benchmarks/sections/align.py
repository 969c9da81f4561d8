"""Word translation after aligning, beside MUSE and VecMap."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section."""
    parts = "\n\n".join(_quality(language) for language in data["languages"])
    return f"""## Word vectors: translating words after aligning, beside MUSE and VecMap

`python -m benchmarks.align --data FOLDER --muse FOLDER --vecmap FOLDER`. {conditions(data)}

Vectors of 300 numbers, trained by fastText (gensim) on the help texts that Debian packages ship;
pairs from FreeDict, a quarter of the English words held out for testing. All are normalised
`unit`, `center`, `unit` and evaluated by the same code, by CSLS; "own" is the P@1 that a
reference prints itself. Self-learning works with the 5,000 most frequent words and a patience of
5 rounds in both implementations, since with VecMap's own settings it takes hours here. Seconds
are of processor time, one thread each. The references are unchanged checkouts, called in the
same process on vectors in memory; MUSE runs without Faiss.

{parts}

### Time on 50,000 x 300

The vectors above, padded to 50,000 words with noisy means of two of them. The same procedures by
turns; `ratio` is theirs / ours, the median with the lowest and highest of the turns.

{_speed(data["speed"])}"""


def _quality(language: dict[str, Any]) -> str:
    words, pairs = language["words"], language["pairs"]
    rows = [
        [
            name,
            *(bracket(scores[f"p_at_{k}"]) for k in (1, 5, 10)),
            f"{scores['own_p_at_1']:.3f}" if "own_p_at_1" in scores else "",
            f"{scores['seconds']:.1f}",
        ]
        for name, scores in language["methods"].items()
    ]
    asked = next(iter(language["methods"].values()))["words"]
    return f"""### English to {language["language"]}: {words["source"]} and {words["target"]} words

{pairs["train"]} pairs to fit, {asked} English words to translate.

{table(["", "P@1", "P@5", "P@10", "own", "seconds"], rows)}"""


def _speed(races: dict[str, Any]) -> str:
    if not races:
        return "Not run (`--parts speed`)."
    rows = [
        [
            name,
            ", ".join(f"{second:.1f}" for second in race["ours"]),
            ", ".join(f"{second:.1f}" for second in race["theirs"]),
            bracket(race["ratio"]),
        ]
        for name, race in races.items()
    ]
    turns = min(len(race["ours"]) for race in races.values())
    made = f"\n\nTurns made: {turns}." + (" One says nothing of the spread." if turns == 1 else "")
    return table(["against", "ours, s", "theirs, s", "ratio"], rows) + made
