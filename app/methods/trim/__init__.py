"""Trimming: a model's vocabulary cut down to the languages that it will serve."""
