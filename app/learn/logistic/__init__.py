"""Heads fitted as penalised logistic regressions on the features of a frozen body."""
