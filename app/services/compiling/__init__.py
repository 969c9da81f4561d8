"""The steps of compiling a model: rows to check on, candidates, checks, measures, the choice."""
