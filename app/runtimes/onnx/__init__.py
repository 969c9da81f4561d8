"""Models as ONNX graphs: exported, quantised, downloaded, and run by ONNX Runtime or OpenVINO."""
