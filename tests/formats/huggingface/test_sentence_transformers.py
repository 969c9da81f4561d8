"""sentence-transformers directories: every step is read as the library reads it, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import RejectedFile
from app.domain.models import ModelHints, TextInput
from app.formats.catalog import HuggingFaceFormat
from app.formats.huggingface.encoder import Encoder
from app.formats.huggingface.sentence_transformers import PoolingMode, pool
from tests.support.models import SENTENCES, a_sentence_encoder

FORMAT = HuggingFaceFormat()
_TEXTS = [*SENTENCES, "one", "play the song " * 40]


def load(folder: Path) -> Encoder:
    network = FORMAT.load(folder, FORMAT.inspect(folder, ModelHints()))
    assert isinstance(network, Encoder)
    return network


def vectors(encoder: Encoder, texts: list[str]) -> np.ndarray:
    with torch.no_grad():
        found: np.ndarray = encoder.features(encoder.collate(texts)).numpy()
    return found


def token_vectors(encoder: Encoder, text: str) -> np.ndarray:
    """The body's answers for the tokens of one text, without padding: float32 (tokens, width)."""
    batch = encoder.collate([text])
    length = int(batch["attention_mask"].sum())
    place = int(batch["attention_mask"].argmax())
    with torch.no_grad():
        states: np.ndarray = encoder.token_states(batch)[0].numpy()
    return states[place : place + length]


_BY_HAND = {
    "cls": lambda t: t[0],
    "lasttoken": lambda t: t[-1],
    "max": lambda t: t.max(axis=0),
    "mean": lambda t: t.mean(axis=0),
    "mean_sqrt_len_tokens": lambda t: t.sum(axis=0) / np.sqrt(len(t)),
    "weightedmean": lambda t: np.average(t, axis=0, weights=np.arange(1, len(t) + 1)),
}
_OLD = {
    "cls": "pooling_mode_cls_token",
    "lasttoken": "pooling_mode_lasttoken",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
}


@pytest.mark.parametrize("spelling", ["old", "new"])
@pytest.mark.parametrize("mode", _BY_HAND)
def test_each_way_of_pooling_is_read(mode: str, spelling: str, tmp_path: Path) -> None:
    flags: dict[str, Any] = {flag: name == mode for name, flag in _OLD.items()}
    folder = a_sentence_encoder(
        tmp_path / "model", flags if spelling == "old" else {"pooling_mode": mode}
    )
    encoder = load(folder)
    wanted = [_BY_HAND[mode](token_vectors(encoder, text)) for text in _TEXTS]
    np.testing.assert_allclose(vectors(encoder, _TEXTS), np.stack(wanted), atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
    st.sampled_from(["left", "right"]),
    st.sampled_from(list(_BY_HAND)),
)
def test_padding_on_either_side_changes_no_pooled_vector(
    lengths: list[int], side: str, mode: PoolingMode
) -> None:
    random = np.random.default_rng(sum(lengths))
    tokens = random.normal(size=(len(lengths), 9, 4)).astype(np.float32)
    mask = np.zeros((len(lengths), 9), dtype=np.int64)
    places = [slice(0, n) if side == "right" else slice(9 - n, 9) for n in lengths]
    for row, place in enumerate(places):
        mask[row, place] = 1
    wanted = np.stack(
        [_BY_HAND[mode](one[place]) for one, place in zip(tokens, places, strict=True)]
    )
    found = pool(torch.from_numpy(tokens), torch.from_numpy(mask), [mode])
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode": ["max", "cls"]},
        {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode_mean_tokens": False},
    ],
)
def test_several_ways_are_concatenated_in_the_librarys_order(
    pooling: dict[str, Any], tmp_path: Path
) -> None:
    encoder = load(a_sentence_encoder(tmp_path / "model", pooling))
    modes = pooling.get("pooling_mode") or [m for m in ("max", "mean") if pooling.get(_OLD[m])]
    modes = modes or ["mean"]
    wanted = [
        np.concatenate([_BY_HAND[mode](token_vectors(encoder, text)) for mode in modes])
        for text in _TEXTS
    ]
    assert encoder.width == 32 * len(modes)
    np.testing.assert_allclose(vectors(encoder, _TEXTS), np.stack(wanted), atol=2e-5)


@pytest.mark.parametrize("activation", ["activation.Tanh", "linear.Identity"])
def test_a_dense_layer_is_read_and_kept(activation: str, tmp_path: Path) -> None:
    dense = {"in_features": 32, "out_features": 12, "bias": True}
    dense["activation_function"] = f"torch.nn.modules.{activation}"
    folder = a_sentence_encoder(tmp_path / "model", {"pooling_mode": "cls"}, dense, normalize=True)
    encoder = load(folder)
    found = vectors(encoder, _TEXTS)
    [layer] = encoder.dense or []
    pooled = np.stack([_BY_HAND["cls"](token_vectors(encoder, text)) for text in _TEXTS])
    wanted = pooled @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    wanted = np.tanh(wanted) if "Tanh" in activation else wanted
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert encoder.width == 12
    facts = FORMAT.inspect(folder, ModelHints())
    (tmp_path / "saved").mkdir()
    FORMAT.save(encoder, facts, tmp_path / "saved")
    np.testing.assert_allclose(vectors(load(tmp_path / "saved"), _TEXTS), found, atol=1e-6)


def test_its_prompt_and_its_greatest_length_are_read_and_kept(tmp_path: Path) -> None:
    folder = a_sentence_encoder(tmp_path / "model", {"pooling_mode": "mean"})
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 24}))
    facts = FORMAT.inspect(folder, ModelHints())
    assert facts.input == TextInput(24, "query: ")
    (tmp_path / "saved").mkdir()
    FORMAT.save(FORMAT.load(folder, facts), facts, tmp_path / "saved")
    assert FORMAT.inspect(tmp_path / "saved", ModelHints()).input == facts.input


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"steps": ("LSTM",)}, "LSTM"),
        ({"normalize": True, "steps": ("Normalize",)}, "Normalize"),
        ({"pooling": {"pooling_mode": "attention"}}, "attention"),
        ({"dense": {"activation_function": "my.Own"}}, "my.Own"),
        ({"dense": {"use_residual": True}}, "residual"),
        ({"dense": {"module_input_name": "token_embeddings"}}, "Dense"),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    change: dict[str, Any], named: str, tmp_path: Path
) -> None:
    if "dense" in change:
        change = {"dense": {"in_features": 32, "out_features": 8} | change["dense"]}
    folder = a_sentence_encoder(tmp_path / "model", **({"pooling": {}} | change))
    with pytest.raises(RejectedFile) as caught:
        FORMAT.inspect(folder, ModelHints())
    assert caught.value.code == "architecture-unsupported"
    assert named in caught.value.message
    assert caught.value.advice


def test_a_dense_layer_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    dense = {"in_features": 16, "out_features": 8}
    folder = a_sentence_encoder(tmp_path / "model", {}, dense)
    with pytest.raises(RejectedFile) as caught:
        FORMAT.inspect(folder, ModelHints())
    assert caught.value.code == "weights-do-not-fit"
