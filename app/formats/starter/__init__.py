"""The starter encoder: a multilingual text encoder from a Python package, with no model hub."""
