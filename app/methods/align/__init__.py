"""Source-model transfer by word vectors: the target language's are mapped under the classifier."""
