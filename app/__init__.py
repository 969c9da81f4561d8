"""Babelport carries a model you already have into a language you don't."""
