"""The ONNX operators that classifiers use, as differentiable torch functions, by family."""
