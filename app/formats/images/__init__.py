"""Labelled images: read from NPZ, IDX and class folders, kept as one canonical safetensors file."""
