"""Maps between spaces of word vectors: normalise, fit, induce a dictionary, retrieve, evaluate."""
