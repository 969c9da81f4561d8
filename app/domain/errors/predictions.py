"""Errors about predictions."""

from __future__ import annotations
