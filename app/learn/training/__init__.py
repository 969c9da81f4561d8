"""Training a network: recipe, stages, early stopping, checkpoints, several processes."""
