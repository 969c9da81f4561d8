"""Source-model transfer: a multilingual student learns what the model says, from pairs."""
