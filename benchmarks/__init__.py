"""Runnable comparisons; each script writes one JSON file, `write_results.py` makes the document."""
