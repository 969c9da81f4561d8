"""Tables of texts: read from files of many kinds, kept as one canonical Parquet table."""
