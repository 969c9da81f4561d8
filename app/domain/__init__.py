"""Frozen types, enums and errors; imports nothing of the project and nothing heavy."""
