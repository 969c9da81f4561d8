"""Rows in memory: examples, batches, splits, leakage, images."""
