"""What happens inside a transfer's own process, step by step."""
