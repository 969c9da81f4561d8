"""Target-model transfer: train the source model on labelled target rows."""
