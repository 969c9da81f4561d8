"""How often the check for rows of another language errs, and how many such rows it finds.

    python -m benchmarks.wrong_language --data FOLDER

FOLDER holds SIB-200, one folder per language. The threshold was chosen on the train rows; the
figures are of the dev and test rows (303 per language), whole and cut to their first 40
characters (14 where characters stand for syllables or words). A false alarm is a row of the
language itself; the planted rows are those of all other languages here, each said to be in this
one. The baseline takes the identifier's first answer at its word. Intervals are Clopper-Pearson's.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.progress import track

from app.domain.languages import parse_language
from app.formats.tables.language import identifier_code, language_identifier, wrong_language_rows
from app.learn.advice.abstention import share
from benchmarks.record import record
from benchmarks.sib200_data import Language, read_languages

_SHORT = 40
_DENSE = {"jpn_Jpan": 14, "zho_Hans": 14}
_PLANTED = 20  # rows of each other language


def main() -> None:
    """Judge every row and write `results/wrong_language.json`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    started = time.monotonic()
    _, languages = read_languages(parser.parse_args().data)
    rows = [_language(language, languages) for language in track(languages, "languages")]
    seconds = round(time.monotonic() - started)
    record("wrong_language", {"seconds": seconds, "languages": rows, "all": _all(rows)})


def _language(language: Language, languages: list[Language]) -> dict[str, Any]:
    others = [other for other in languages if other.name != language.name]
    planted = [text for other in others for text in _texts(other)[:_PLANTED]]
    short_planted = [t for o in others for t in _texts(o, short=True)[:_PLANTED]]
    return {
        "language": language.name,
        "whole": _judged(language.name, _texts(language), planted),
        "short": _judged(language.name, _texts(language, short=True), short_planted),
    }


def _all(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rows of all languages counted together."""
    return {
        length: {
            name: _together([row[length] for row in rows], name, of)
            for name, of in (("false_alarms", "rows"), ("found", "planted"))
        }
        for length in ("whole", "short")
    }


def _together(cells: list[dict[str, Any]], name: str, of: str) -> dict[str, float]:
    hits = sum(round(cell[name]["value"] * cell[of]) for cell in cells)
    return share(hits, sum(cell[of] for cell in cells))


def _texts(language: Language, short: bool = False) -> list[str]:
    texts = [str(text) for part in (language.dev, language.test) for text in part.inputs]
    most = _DENSE.get(language.name, _SHORT) if short else None
    return [text[:most] for text in texts]


def _judged(name: str, own: list[str], planted: list[str]) -> dict[str, Any]:
    claimed = parse_language(name)
    code = identifier_code(claimed)
    alarms = wrong_language_rows(list(enumerate(own)), claimed)
    found = wrong_language_rows(list(enumerate(planted)), claimed)
    argmax = [
        sum(language_identifier().classify(t)[0] != code for t in texts) for texts in (own, planted)
    ]
    return {
        "rows": len(own),
        "planted": len(planted),
        "abstained": alarms["abstained"],
        "false_alarms": share(alarms["wrong"], len(own)),
        "found": share(found["wrong"], len(planted)),
        "baseline_false_alarms": share(argmax[0], len(own)),
        "baseline_found": share(argmax[1], len(planted)),
    }


if __name__ == "__main__":
    main()
