"""Source-model transfer: a tokenizer for the target language, and rows for its tokens."""
