"""Labelled text: read from CSV, TSV, JSONL and Parquet, kept as one canonical Parquet table."""
