"""Text datasets as people have them."""

from __future__ import annotations

from tests.formats.real_files.case import Facts, RealFile, Refusal, holding

_TWO = {"kind": "labelled", "rows": 2, "labels": ["neg", "pos"]}
_GOOD = {"text": "good film", "label": "pos"}

TEXT_FILES: tuple[RealFile, ...] = (
    RealFile(
        "reviews.csv",
        "CSV from Excel in most of Europe: semicolons and a byte order mark",
        holding("\ufefftext;label\r\ngood film;pos\r\nbad film, sadly;neg\r\n"),
        Facts(_TWO | {"report.delimiter": "semicolon"}, _GOOD),
    ),
    RealFile(
        "header.csv",
        "a header line and nothing else",
        holding("text,label\n"),
        Refusal(
            "no-usable-rows",
            "The file has 0 row(s), and none has both an input and a label.",
            "Check that the right columns were read and that the file is complete.",
        ),
    ),
)
