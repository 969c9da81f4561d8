"""Bytes by digest: published once, by rename, and never changed."""
