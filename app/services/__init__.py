"""Use cases, one file per noun; each is a verb."""
