"""What a network's answers mean, one file a task: loss, probabilities, scores, baselines."""
