"""Errors about models."""

from __future__ import annotations
