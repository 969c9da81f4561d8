"""A text classifier as files that ONNX Runtime and `tokenizers` answer with, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from app.artifacts.archive import pack
from app.domain.errors.model_files import ExportFailed
from app.domain.models import ModelFacts

MODEL_FILE, ABOUT_FILE, README_FILE = "model.onnx", "model.json", "README.md"
TOKENIZER_FILE = "tokenizer.json"
TOLERANCE = 1e-4
_TEXTS = ("one two three four five six seven", "one", "habari ya asubuhi", "weck mich um sieben")
# What one protobuf may hold, less what is not weights.
_MOST_BYTES = 1_900_000_000
_README = """# {name} as ONNX

`model.onnx` holds everything that answers: the encoder, its pooling, the choice of each text's
language with its shift, the map and the head, where the model has them. `tokenizer.json` stands
beside it; `model.json` has the labels and the prefix that is put before each text. Made by
Babelport from the model's own file (SHA-256 {sha256}); largest difference of a logit from the
network's own, on {texts} texts: {difference:.1e}.

```python
import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

about = json.load(open("model.json", encoding="utf-8"))
tokenizer = Tokenizer.from_file("tokenizer.json")
session = onnxruntime.InferenceSession("model.onnx")

texts = ["habari ya asubuhi", "good morning"]
rows = tokenizer.encode_batch([about["prefix"] + text for text in texts])
known = {{
    "input_ids": [row.ids for row in rows],
    "attention_mask": [row.attention_mask for row in rows],
    "token_type_ids": [row.type_ids for row in rows],
}}
feed = {{one.name: np.array(known[one.name], dtype=np.int64) for one in session.get_inputs()}}
[logits] = session.run(["logits"], feed)
if about["task"] == "multi-label-classification":
    probabilities = 1 / (1 + np.exp(-logits))
else:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
answers = [dict(zip(about["labels"], row.tolist())) for row in probabilities]
```
"""


def write_download(
    folder: str, facts: dict[str, Any], name: str, sha256: str, file: str
) -> dict[str, Any]:
    """Write the model in `folder` into the zip `file`; runs in a child process.

    The graph is run on a few texts and compared with the network. Raises ExportFailed.
    """
    model_facts: ModelFacts = TypeAdapter(ModelFacts).validate_python(facts)
    target = Path(file).with_suffix(".files")
    target.mkdir()
    try:
        difference = _write(Path(folder), model_facts, target)
    except Exception as problem:  # the exporter's errors have no common kind
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise ExportFailed(name, reason) from problem
    if not difference < TOLERANCE:
        raise ExportFailed(name, f"a logit of the graph is {difference:.1e} off the network's")
    readme = _README.format(name=name, sha256=sha256, texts=len(_TEXTS), difference=difference)
    (target / README_FILE).write_text(readme, encoding="utf-8")
    pack(target, Path(file))
    return {"difference": difference}


def _write(folder: Path, facts: ModelFacts, target: Path) -> float:
    """Graph, tokenizer and description; the largest difference of a logit."""
    import onnx_ir
    import torch

    from app.formats.catalog import format_named
    from app.runtimes.onnx.export import graph_of

    network: Any = format_named(facts.format).load(folder, facts)
    graph = graph_of(network, None, fused=False)
    about = {
        "labels": list(network.labels),
        "task": str(network.task),
        "prefix": network.tokens.prefix,
        "max_tokens": network.tokens.max_tokens,
    }
    graph.metadata_props.update(
        {key: json.dumps(value, ensure_ascii=False) for key, value in about.items()}
    )
    size = sum(tensor.numel() * 4 for tensor in network.state_dict().values())
    beside = f"{MODEL_FILE}.data" if size > _MOST_BYTES else None
    onnx_ir.save(graph, target / MODEL_FILE, external_data=beside)
    network.tokens.save_tokenizer(target / TOKENIZER_FILE)
    text = json.dumps(about, ensure_ascii=False, indent=2)
    (target / ABOUT_FILE).write_text(text, encoding="utf-8")
    batch = network.collate(list(_TEXTS))
    with torch.no_grad():
        reference = network(batch).numpy()
    logits = _run(target, {name: tensor.numpy() for name, tensor in batch.items()})
    return float(np.abs(logits - reference).max())


def _run(folder: Path, feed: dict[str, np.ndarray]) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(folder / MODEL_FILE), providers=["CPUExecutionProvider"]
    )
    accepted = {one.name for one in session.get_inputs()}
    logits: np.ndarray
    [logits] = session.run(["logits"], {k: v for k, v in feed.items() if k in accepted})
    return logits
