"""Predictions from registered models, in a process of their own."""
