"""Linear heads fitted as penalised regressions on the features of a frozen body."""
