"""Hugging Face directories: text and image classifiers, and plain text encoders."""
