"""Texts as the pooled vectors of their words: a Network of its own, whatever file it is from."""
