"""Reads and renumbers the parts of a tokenizer.json that speak of token ids."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def post_processor_ids(node: dict[str, Any] | None) -> set[int]:
    """The ids of the tokens that a post-processor puts around a text."""
    if node is None:
        return set()
    if node["type"] == "Sequence":
        return set().union(*map(post_processor_ids, node["processors"]))
    if node["type"] == "TemplateProcessing":
        return {id for token in node["special_tokens"].values() for id in token["ids"]}
    return {node[key][1] for key in ("sep", "cls") if key in node}


def renumbered(node: dict[str, Any] | None, number: Mapping[int, int]) -> dict[str, Any] | None:
    """The post-processor with each id replaced by `number` of it."""
    if node is None:
        return None
    if node["type"] == "Sequence":
        return node | {"processors": [renumbered(one, number) for one in node["processors"]]}
    if node["type"] == "TemplateProcessing":
        special = {
            name: token | {"ids": [number[id] for id in token["ids"]]}
            for name, token in node["special_tokens"].items()
        }
        return node | {"special_tokens": special}
    ends = {key: [node[key][0], number[node[key][1]]] for key in ("sep", "cls") if key in node}
    return node | ends


def unknown_id(description: dict[str, Any], ids: Mapping[str, int]) -> int | None:
    """The unknown token's id: Unigram models number it, the others name it; None without one."""
    model = description["model"]
    if model["type"] == "Unigram":
        number: int | None = model.get("unk_id")
        return number
    return ids.get(model.get("unk_token") or "")


def uses_bytes(description: dict[str, Any]) -> bool:
    """Whether characters of pieces stand for bytes of texts (`ByteLevel`)."""
    return '"ByteLevel"' in str((description["pre_tokenizer"], description["normalizer"])).replace(
        "'", '"'
    )
