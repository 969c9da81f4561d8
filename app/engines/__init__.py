"""Where a transfer runs."""
