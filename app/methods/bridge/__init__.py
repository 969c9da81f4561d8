"""Source-model transfer: the model's own head behind a multilingual encoder."""
