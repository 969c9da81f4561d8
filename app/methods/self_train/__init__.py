"""Adjustment: the model labels target inputs, keeps what it is sure of and trains on it."""
