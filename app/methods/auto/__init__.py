"""Choice among the other methods, by cross-validation within a budget of seconds."""
