"""Every layout of word vectors gives the same words and numbers, or says what is wrong."""

from __future__ import annotations

import gzip
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.domain.enums import Format, Task
from app.domain.errors import RejectedFile
from app.domain.models import ModelFacts, ModelHints
from app.formats.catalog import detect_format, format_named
from app.formats.read_model import read_model
from app.learn.word_vectors import WordVectorNetwork
from tests.support.archives import a_zip
from tests.support.word_vectors import (
    some_vectors,
    write_binary_vectors,
    write_text_vectors,
)

WORDS = ("the", "Haus", "कुत्ता", "l'eau", "x-ray")
MATRIX = some_vectors(len(WORDS), 6)


def read(upload: Path, filename: str | None = None, **vectors: Any) -> dict[str, Any]:
    hints = {"labels": [], "input": {}, "vectors": vectors}
    folder = upload.parent / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    return read_model(str(upload), filename or upload.name, hints, str(folder), 10**8, 100)


def network(upload: Path, filename: str | None = None, **vectors: Any) -> WordVectorNetwork:
    read(upload, filename, **vectors)
    folder = upload.parent / "unpacked"
    found = detect_format(folder)
    loaded = found.load(folder, found.inspect(folder, ModelHints()))
    assert isinstance(loaded, WordVectorNetwork)
    return loaded


def refusal(upload: Path, filename: str | None = None) -> RejectedFile:
    with pytest.raises(RejectedFile) as caught:
        read(upload, filename)
    return caught.value


def lines(folder: Path, *texts: str | bytes) -> Path:
    file = folder / "vectors.vec"
    coded = (text if isinstance(text, bytes) else text.encode() for text in texts)
    file.write_bytes(b"\n".join(coded) + b"\n")
    return file


def good(words: int) -> list[str]:
    return [f"w{number} {number} 0.5" for number in range(words)]


def as_text(folder: Path) -> Path:
    return write_text_vectors(folder / "wiki.vec", WORDS, MATRIX)


def as_glove(folder: Path) -> Path:
    return write_text_vectors(folder / "glove.txt", WORDS, MATRIX, header=False)


def as_binary(folder: Path) -> Path:
    return write_binary_vectors(folder / "GoogleNews.bin", WORDS, MATRIX)


def as_gzip(folder: Path) -> Path:
    file = folder / "cc.vec.gz"
    file.write_bytes(gzip.compress(as_text(folder).read_bytes()))
    return file


def as_gzipped_binary(folder: Path) -> Path:
    file = folder / "news.bin.gz"
    file.write_bytes(gzip.compress(as_binary(folder).read_bytes()))
    return file


def as_npz(folder: Path) -> Path:
    np.savez(folder / "v.npz", vectors=MATRIX, words=np.array(WORDS))
    return folder / "v.npz"


def as_npz_and_vocabulary(folder: Path) -> Path:
    np.savez(folder / "v.npz", vectors=MATRIX)
    members = {
        "v.npz": (folder / "v.npz").read_bytes(),
        "vocabulary.txt": "\n".join(WORDS).encode(),
    }
    return a_zip(folder / "v.zip", members)


def as_zip(folder: Path) -> Path:
    return a_zip(folder / "v.zip", {"glove/glove.txt": as_glove(folder).read_bytes()})


LAYOUTS = [
    as_text,
    as_glove,
    as_binary,
    as_gzip,
    as_gzipped_binary,
    as_npz,
    as_npz_and_vocabulary,
    as_zip,
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_words_and_numbers(layout: Any, tmp_path: Path) -> None:
    upload = layout(tmp_path)
    facts = read(upload)
    assert (facts["format"], facts["task"]) == (Format.WORD_VECTORS, Task.FEATURE_EXTRACTION)
    assert (facts["words"], facts["parameters"]) == (5, 30)
    loaded = network(upload)
    assert loaded.vocabularies[0].words == WORDS
    assert torch.equal(loaded.vectors, torch.from_numpy(MATRIX))


def test_only_the_first_words_are_read_and_the_model_says_so(tmp_path: Path) -> None:
    for layout in LAYOUTS[:3] + LAYOUTS[5:6]:
        facts = read(layout(tmp_path), words=2)
        assert facts["words"] == 2
        assert facts["notes"] == ["Only the first 2 words were read."]


def test_vectors_are_memory_mapped_once_they_were_read(tmp_path: Path) -> None:
    read(as_text(tmp_path))
    kept = tmp_path / "unpacked/vectors.safetensors"
    (tmp_path / "unpacked/vectors.txt").unlink()
    assert network_in(tmp_path / "unpacked").vocabularies[0].words == WORDS
    mapped = network_in(tmp_path / "unpacked")
    with Path("/proc/self/maps").open() as maps:
        assert any(str(kept) in line for line in maps)
    assert torch.equal(mapped.vectors, torch.from_numpy(MATRIX))


def network_in(folder: Path) -> WordVectorNetwork:
    found = detect_format(folder)
    loaded = found.load(folder, found.inspect(folder, ModelHints()))
    assert isinstance(loaded, WordVectorNetwork)
    return loaded


def test_where_only_the_raw_file_is_left_the_facts_say_how_to_read_it(tmp_path: Path) -> None:
    facts = read(as_text(tmp_path), words=3, pooling="sif")
    for name in ("word_vectors.json", "vectors.safetensors", "vocabulary.txt"):
        (tmp_path / "unpacked" / name).unlink()
    model_facts = ModelFacts(
        **facts | {"format": Format.WORD_VECTORS, "task": Task.FEATURE_EXTRACTION}
    )
    loaded = format_named(Format.WORD_VECTORS).load(tmp_path / "unpacked", model_facts)
    assert isinstance(loaded, WordVectorNetwork)
    assert (len(loaded.vectors), loaded.pooling) == (3, "sif")


def test_a_few_lines_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    upload = lines(
        tmp_path,
        "6 2",
        "good 1 2",
        b"\xff\xfe 1 2",
        "short 1",
        "word with spaces 3 4",
        "text a b",
        "good 5 6",
    )
    facts = read(upload)
    assert facts["words"] == 2
    assert sorted(facts["notes"]) == [
        "1 words that stood there before were left out.",
        "3 words whose lines could not be read were left out.",
    ]
    assert network(upload).vocabularies[0].words == ("good", "word with spaces")


def test_numbers_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    facts = read(lines(tmp_path, "a 1 2", "b nan 1", "c 1 inf", "d 3 4"))
    assert facts["words"] == 2
    assert facts["notes"] == ["2 words with numbers that are not finite were left out."]


def test_many_lines_of_another_width_refuse_the_file_and_name_the_first(tmp_path: Path) -> None:
    problem = refusal(lines(tmp_path, *good(50), *[f"v{n} 1 2 3 4 x" for n in range(20)]))
    assert problem.code == "vectors-malformed"
    assert problem.fields["line"] == 51
    assert problem.fields["bad"] == 20


def test_a_file_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    problem = refusal(lines(tmp_path, "9 2", *good(5)))
    assert (problem.code, problem.fields["found"]) == ("vectors-truncated", 5)
    whole = as_binary(tmp_path).read_bytes()
    (tmp_path / "cut.bin").write_bytes(whole[:-10])
    assert refusal(tmp_path / "cut.bin").code == "vectors-truncated"


def test_a_binary_fasttext_model_is_refused_with_what_to_send_instead(tmp_path: Path) -> None:
    (tmp_path / "cc.en.300.bin").write_bytes(bytes.fromhex("ba164f2f0c000000") + bytes(100))
    problem = refusal(tmp_path / "cc.en.300.bin")
    assert problem.code == "fasttext-binary"
    assert ".vec" in problem.advice


def test_what_gensim_pickled_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vectors.kv").write_bytes(pickle.dumps({"vectors": [1]}))
    assert refusal(tmp_path / "vectors.kv").code == "format-runs-code"


def test_an_array_of_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", vectors=MATRIX, words=np.array(WORDS, dtype=object))
    problem = refusal(tmp_path / "v.npz")
    assert problem.code == "model-file-invalid"
    assert "pickle" in problem.message


def test_words_and_rows_must_be_as_many(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", vectors=MATRIX, words=np.array(WORDS[:3]))
    problem = refusal(tmp_path / "v.npz")
    assert (problem.code, problem.fields) == ("vocabulary-unfit", {"words": 3, "rows": 5})


def test_several_files_of_vectors_are_ambiguous(tmp_path: Path) -> None:
    content = as_glove(tmp_path).read_bytes()
    upload = a_zip(tmp_path / "a.zip", {"glove.50d.txt": content, "glove.100d.txt": content})
    assert refusal(upload).code == "vectors-ambiguous"


def test_a_head_of_another_width_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save

    members = {
        "v.vec": as_text(tmp_path).read_bytes(),
        "word_vectors.json": b'{"labels": ["a", "b"]}',
        "head.safetensors": save(
            {"weight": np.zeros((2, 5), np.float32), "bias": np.zeros(2, np.float32)}
        ),
    }
    assert refusal(a_zip(tmp_path / "a.zip", members)).code == "weights-do-not-fit"
    del members["head.safetensors"]
    assert refusal(a_zip(tmp_path / "a.zip", members)).code == "model-file-missing"
