"""ONNX image classifiers as trainable networks, written back into their original graphs."""
