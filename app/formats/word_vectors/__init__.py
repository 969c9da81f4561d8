"""Models of word vectors, with a linear head on pooled vectors or without."""
