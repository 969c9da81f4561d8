"""Texts that are longer than a model reads, in windows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.models import ModelHints
from app.domain.predictions import WindowPool
from app.formats.catalog import detect_format
from app.runtimes.contract import Runtime
from app.runtimes.onnx.export import export_network
from app.runtimes.onnx.onnxruntime_engine import open_onnx
from app.runtimes.onnx.openvino_engine import open_openvino
from app.runtimes.torch_runtime import TorchRuntime
from app.runtimes.windows import pool_windows, prepare_windows, split_text, window_spans
from tests.support.models import SENTENCES
from tests.support.telling_letters import a_classifier_by_a_letter
from tests.support.tokenizers import KINDS, a_tokenizer

_FILLER = "will it rain this afternoon "
_FITS = "play the song that I like"
_LATE = _FILLER * 20 + "play"  # the telling word stands behind what is read


@pytest.fixture(scope="module", params=["torch", "onnx", "openvino"])
def runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """Of a classifier that answers `start` where it reads the letter `p`, and else `stop`."""
    folder = tmp_path_factory.mktemp("windows")
    source = a_classifier_by_a_letter(folder / "model", "p", ("start", "stop"))
    found = detect_format(source)
    network = found.load(source, found.inspect(source, ModelHints()))
    if request.param == "torch":
        return TorchRuntime(network)
    (folder / "compiled").mkdir()
    export_network(network, None, folder / "compiled", fused=True, half_embeddings=True)
    if request.param == "onnx":
        return open_onnx(folder / "compiled")
    return open_openvino(folder / "compiled", "float32")


def test_a_telling_word_behind_the_cut_decides(runtime: Runtime) -> None:
    [[cut]] = prepare_windows(runtime, [_LATE], stride=None)
    [windows] = prepare_windows(runtime, [_LATE], stride=8)
    [truncated] = runtime.run([cut], threads=1)
    rows = runtime.run(windows, threads=1)

    assert cut.truncated
    assert truncated.argmax() == 1
    assert len(windows) > 2
    assert not any(one.truncated for one in windows)
    assert [row.argmax() for row in rows] == [1] * (len(windows) - 1) + [0]
    assert pool_windows(rows, WindowPool.MAX, multi_label=True).argmax() == 0
    assert (
        pool_windows(rows, WindowPool.MEAN, multi_label=False).argmax() == 0
    )  # by far surer than others
    assert pool_windows(rows, WindowPool.VOTE, multi_label=False).argmax() == 1


def test_a_text_that_fits_is_answered_bit_for_bit_as_without(runtime: Runtime) -> None:
    without, with_windows = (
        prepare_windows(runtime, list(SENTENCES[:2]), stride) for stride in (None, 8)
    )
    for [one], [other] in zip(without, with_windows, strict=True):
        [row], [same] = runtime.run([one], threads=1), runtime.run([other], threads=1)
        assert row.tobytes() == same.tobytes()


_TEXT = st.lists(
    st.sampled_from([*" ".join(SENTENCES).split(), "unbelievably" * 9, "\n", "日本語" * 20])
)
_TEXTS = _TEXT.map(" ".join).filter(str.strip)


@pytest.fixture(scope="module", params=KINDS)
def encode(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    tokenizer = a_tokenizer(request.param, SENTENCES)
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>")
    return lambda texts: tokenizer.encode_batch(["query: " + text for text in texts])


@settings(max_examples=40, deadline=None)
@given(text=_TEXTS, stride=st.integers(0, 20))
def test_windows_are_read_whole_and_cover_the_text_in_order(encode, text, stride) -> None:  # type: ignore[no-untyped-def]
    parts = split_text(text, stride, "query: ", encode)

    assert not any(one.overflowing for one in encode(parts))
    covered = 0
    for part in parts:
        at = text.rfind(part, 0, covered + len(part) + _blank(text, covered))
        assert at >= 0
        assert not text[covered:at].strip()
        covered = max(covered, at + len(part))
    assert not text[covered:].strip()


def _blank(text: str, start: int) -> int:
    return len(text[start:]) - len(text[start:].lstrip())


@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(st.integers(1, 9), min_size=1, max_size=60),
    size=st.integers(1, 12),
    stride=st.integers(0, 15),
)
def test_every_token_lies_in_a_window_of_no_more_than_the_size(
    words: list[int], size: int, stride: int
) -> None:
    """Words of unlike numbers of tokens, each token a letter."""
    text = " ".join("a" * length for length in words)
    tokens = [(at, at + 1) for at, letter in enumerate(text) if letter == "a"]

    spans = window_spans(text, tokens, size, stride)

    held = [{t for t in tokens if start <= t[0] and t[1] <= end} for start, end in spans]
    assert set().union(*held) == set(tokens)
    assert max(map(len, held)) <= size
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    for before, after in pairwise(spans):
        assert before[0] < after[0] <= before[1] < after[1]
    if len(tokens) > size:
        assert len(held[-1]) > size // 2


def test_pools_of_one_label_sum_to_one_and_even_votes_follow_the_mean() -> None:
    rows = [np.array(row, np.float32) for row in ([0.6, 0.4], [0.1, 0.9])]

    np.testing.assert_allclose(pool_windows(rows, WindowPool.MEAN, False), [0.35, 0.65], rtol=1e-6)
    np.testing.assert_allclose(pool_windows(rows, WindowPool.MAX, False), [0.4, 0.6], rtol=1e-6)
    np.testing.assert_allclose(
        pool_windows(rows, WindowPool.VOTE, False), [1.35 / 3, 1.65 / 3], rtol=1e-6
    )
    np.testing.assert_allclose(pool_windows(rows, WindowPool.MAX, True), [0.6, 0.9], rtol=1e-6)
    assert all(pool_windows(rows, pool, False).dtype == np.float32 for pool in WindowPool)
