"""Transfers from the request to the record; `request` is light, the rest runs in the child."""
