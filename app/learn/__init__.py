"""Pure tensors: networks, the training loop, metrics, splits; knows no file, table or request."""
