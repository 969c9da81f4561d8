"""What a finished transfer tells its user beyond the scores (docs/advice.md)."""
