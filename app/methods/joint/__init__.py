"""Joint transfer: train on source and target rows together."""
