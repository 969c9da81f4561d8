"""The section on `trim`."""

from __future__ import annotations

from typing import Any

from benchmarks.sections.layout import bracket, conditions, table


def write(data: dict[str, Any]) -> str:
    """The section as Markdown."""
    report, held, size = data["report"], data["held_out"], data["bytes"]
    rows = [
        ["rows of the embedding", *_pair(report["rows"])],
        ["parameters", *_pair(report["parameters"])],
        ["bytes of the directory", *_pair(size)],
    ]
    asked = str(report["rows"]["after"])
    chosen = [["all texts, filled up (as above)", asked, bracket(held["same_pieces"])]]
    chosen += [
        [one["name"], str(one["rows"]), bracket(one["same_pieces"])]
        for one in data["other_choices"]
    ]
    origins = [[name, bracket(one)] for name, one in held["same_pieces_by_origin"].items()]
    return f"""## trim: the starter encoder cut down to English and German

`python -m benchmarks.trim --data FOLDER --packages FOLDER`. {conditions(data)}

{table(["", "before", "after", "share"], rows)}

The cut itself took {data["trim_seconds"]} s. It was asked for {report["rows"]["after"]} rows and
chose them by {data["evidence"]["source_unlabelled"]} English and {data["evidence"]["unlabelled"]}
German texts: SIB-200 train, LibreOffice's help, and the 30,000 most frequent words of each
language. Of {held["sentences"]} sentences that took no part (SIB-200 dev and test, sayings from
Debian's fortune packages), a head for the SIB-200 topics gives the same label to
{bracket(held["same_label"])} (exact binomial intervals in this section). The pieces are the same
in {bracket(held["same_pieces"])}; there the largest change of a probability is
{held["largest_change_same_pieces"]:.1e} (sums in another order), over all sentences it is
{held["largest_change"]:.3f}.

{table(["sentences from", "same pieces"], origins)}

Other ways to choose, as shares of the same sentences with the same pieces. "Nothing added" keeps
the pieces seen in the texts and single characters, as packages that trim vocabularies do; the
sayings' German and English are of another kind than all texts that the rows were chosen by.

{table(["chosen by", "rows", "same pieces"], chosen)}"""


def _pair(sizes: dict[str, int]) -> list[str]:
    share = sizes["after"] / sizes["before"]
    return [f"{sizes['before']:,}", f"{sizes['after']:,}", f"{100 * share:.1f}%"]
