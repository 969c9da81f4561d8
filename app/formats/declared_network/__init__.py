"""Image classifiers as safetensors and a declarative list of layers."""
