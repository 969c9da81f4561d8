"""Errors about transfers."""

from __future__ import annotations
