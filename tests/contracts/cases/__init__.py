"""One file per method with its CASES, found by `catalog`; `case` says what a Case is."""
