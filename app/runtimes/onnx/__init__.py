"""Models as graphs for ONNX Runtime: what they are written as, and what answers with them."""
