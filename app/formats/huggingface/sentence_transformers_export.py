"""A text classifier as plain modules of sentence-transformers, its language shift fixed."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

from app.artifacts.archive import pack
from app.domain.enums import Task
from app.domain.errors import BabelportError
from app.domain.errors.model_files import ExportFailed, LanguageNotInBridge, ModulesUnsupported
from app.domain.models import ModelFacts
from app.formats.huggingface.classifiers import TextClassifier
from app.formats.huggingface.encoder import Encoder
from app.formats.huggingface.load import load
from app.formats.huggingface.sentence_transformers import (
    MODULES_FILE,
    POOLING_FLAGS,
    PoolingMode,
    pool,
    sentence_steps,
)
from app.formats.prediction_tables import read_predictions
from app.learn.bridge import Bridge, LanguageShift
from app.learn.inference import predict
from app.learn.network import Network

ABOUT_FILE, README_FILE = "model.json", "README.md"
TOLERANCE = 1e-4
_MOST_ROWS = 1000
_TEXTS = ("one two three four five six seven", "one", "habari ya asubuhi", "weck mich um sieben")
# Under this name the prefix stands in the prompts.
_PROMPT = "text"
_PACKAGE = "sentence_transformers.models"
_ALL = 2**31
_README = """# {name} as modules of sentence-transformers{fixed}

`SentenceTransformer(folder).encode(texts)` gives one logit for each label, in this order (also in
`model.json`): {labels}. Made by Babelport from the model's own file (SHA-256 {sha256}); largest
difference of a logit from the network's own{same}, on {texts} texts: {difference:.1e}.

```python
import json

import numpy as np
from sentence_transformers import SentenceTransformer

model = SentenceTransformer(".")
labels = json.load(open("model.json", encoding="utf-8"))["labels"]
logits = model.encode(["habari ya asubuhi", "good morning"])
{answers}
```

## What is fixed, and what it costs

{cost}
"""
_ANSWERS = {
    True: "probabilities = 1 / (1 + np.exp(-logits))  # of each label by itself",
    False: (
        "powers = np.exp(logits - logits.max(axis=1, keepdims=True))\n"
        "probabilities = powers / powers.sum(axis=1, keepdims=True)\n"
        "answers = [labels[i] for i in logits.argmax(axis=1)]"
    ),
}
_Classifier = Encoder | TextClassifier


@dataclass(frozen=True)
class Dense:
    """float32 (n, in) @ `weight` (out, in).T + `bias` (out,), then torch.nn's `activation`."""

    weight: Tensor
    bias: Tensor
    activation: str = "Identity"


_Step = Dense | None  # None scales to length 1


@dataclass(frozen=True)
class _Modules:
    """A transformers model, its pooling, and what follows."""

    body: Any
    pooling: tuple[PoolingMode, ...]
    steps: list[_Step]


@dataclass(frozen=True)
class Cost:
    """What fixing the language did on held-out rows of one language.

    `chosen` and `fixed` are accuracies (of sets of labels: all of a row right) on `rows` of the
    `of_rows` that are kept; `changed` counts the answers that differ.
    """

    language: str
    rows: int
    of_rows: int
    chosen: float
    fixed: float
    changed: int


def write_modules(
    folder: str,
    facts: dict[str, Any],
    name: str,
    sha256: str,
    file: str,
    language: str | None,
    held_out: list[dict[str, str]],
) -> dict[str, Any]:
    """Write the model in `folder` into the zip `file`; runs in a child process.

    `language` is one of the bridge, None where it shifts none. `held_out` are tables of the
    model's own predictions: each a `file` and the `language` of its rows. What was written is read
    again and compared with the network. Raises LanguageNotInBridge, ModulesUnsupported and
    ExportFailed.
    """
    model_facts: ModelFacts = TypeAdapter(ModelFacts).validate_python(facts)
    target = Path(file).with_suffix(".files")
    target.mkdir()
    try:
        network = _read(Path(folder), model_facts, name)
        _require_language(network, name, language)
        shift = network.bridge.shift if network.bridge else None
        _fix_language(network, language)
        _write(network, _modules(network, name), target)
        difference = _difference(network, target)
        costs = [] if shift is None else [_cost(network, shift, one) for one in held_out]
    except BabelportError:
        raise
    except Exception as problem:  # the libraries' errors have no common kind
        reason = (str(problem).strip() or type(problem).__name__).splitlines()[0]
        raise ExportFailed(name, reason) from problem
    if not difference < TOLERANCE:
        raise ExportFailed(name, f"a logit of the modules is {difference:.1e} off the network's")
    _describe(network, name, sha256, language, costs, difference, target)
    pack(target, Path(file))
    return {"difference": difference}


def _read(folder: Path, facts: ModelFacts, name: str) -> _Classifier:
    network = load(folder, facts)
    if not isinstance(network, Encoder | TextClassifier):
        raise ModulesUnsupported(name, f"it is a {type(network).__name__}")
    return network


def _require_language(network: _Classifier, name: str, language: str | None) -> None:
    languages = network.bridge.languages if network.bridge else ()
    if language not in (languages or (None,)):
        raise LanguageNotInBridge(name, language, languages)


def _fix_language(network: _Classifier, language: str | None) -> None:
    """From now on every text is taken to be of `language`."""
    if network.bridge is not None and network.bridge.shift is not None and language is not None:
        network.bridge.shift = network.bridge.shift.fixed_to(language)


@torch.no_grad()
def _modules(network: _Classifier, name: str) -> _Modules:
    """The network in terms of sentence-transformers; raises ModulesUnsupported."""
    body, modes, steps = _body(network, name)
    if network.bridge is not None:
        steps += _bridge_steps(network.bridge)
    steps.append(_head_step(network, name))
    return _Modules(body, modes, _merge_linear(steps))


def _body(network: _Classifier, name: str) -> tuple[Any, tuple[PoolingMode, ...], list[_Step]]:
    """Up to where a bridge stands."""
    if isinstance(network, TextClassifier):
        return _classifier_body(network, name)
    steps: list[_Step] = []
    for layer, settings in zip(network.dense or (), network.description.dense, strict=True):
        steps.append(_dense(layer, settings.activation))
    if network.description.normalize:
        steps.append(None)
    return network.model, network.description.modes, steps


def _classifier_body(
    network: TextClassifier, name: str
) -> tuple[Any, tuple[PoolingMode, ...], list[_Step]]:
    """Without the head: what it reads is one token's vector, or that through BERT's pooler."""
    body = network.model.base_model
    mode = network.pooled_by
    if mode is not None:
        return body, (mode,), []
    pooler = getattr(body, "pooler", None)
    layer = getattr(pooler, "dense", None)
    if not isinstance(layer, nn.Linear) or not isinstance(
        getattr(pooler, "activation", None), nn.Tanh
    ):
        raise ModulesUnsupported(name, "its head reads something else than a text's vector")
    return body, ("cls",), [_dense(layer, "Tanh")]


def _bridge_steps(bridge: Bridge) -> list[_Step]:
    steps: list[_Step] = []
    if bridge.shift is not None:
        width = bridge.shift.means.shape[1]
        moved = bridge.shift(torch.zeros(1, width))[0]
        steps.append(Dense(torch.eye(width), moved))
    if bridge.linear is not None:
        steps.append(_dense(bridge.linear))
    if bridge.normalize:
        steps.append(None)
    return steps


def _head_step(network: _Classifier, name: str) -> Dense:
    """The head as one layer; raises ModulesUnsupported where it is more than that."""
    if isinstance(network, Encoder) and isinstance(network.classifier, nn.Linear):
        return _dense(network.classifier)
    width = network.width
    bias = network.head(torch.zeros(1, width))[0]
    weight = (network.head(torch.eye(width)) - bias).T
    probe = 4 * torch.randn(16, width, generator=torch.Generator().manual_seed(0))
    logits = network.head(probe)
    if not torch.allclose(probe @ weight.T + bias, logits, rtol=1e-4, atol=1e-4):
        raise ModulesUnsupported(name, "its head is more than one linear layer")
    return Dense(weight, bias)


def _dense(layer: nn.Module, activation: str = "Identity") -> Dense:
    assert isinstance(layer, nn.Linear)
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
    return Dense(layer.weight.detach(), bias, activation)


def _merge_linear(steps: Sequence[_Step]) -> list[_Step]:
    """Linear layers in a row as one, multiplied in float64."""
    merged: list[_Step] = []
    for step in steps:
        before = merged[-1] if merged else None
        if step is not None and before is not None and before.activation == "Identity":
            weight, bias = step.weight.double(), step.bias.double()
            bias = weight @ before.bias.double() + bias
            weight = weight @ before.weight.double()
            merged[-1] = Dense(weight.float(), bias.float(), step.activation)
        else:
            merged.append(step)
    return merged


def _write(network: _Classifier, modules: _Modules, target: Path) -> None:
    """Everything that the library reads, float32."""
    modules.body.save_pretrained(target)
    network.tokens.write(target)
    most = {"max_seq_length": network.tokens.max_tokens, "do_lower_case": False}
    _write_json(target / "sentence_bert_config.json", most)
    if network.tokens.prefix:
        prompts = {"prompts": {_PROMPT: network.tokens.prefix}, "default_prompt_name": _PROMPT}
        _write_json(target / "config_sentence_transformers.json", prompts)
    width = int(modules.body.config.get_text_config().hidden_size)
    pooling = {"word_embedding_dimension": width}
    pooling |= {flag: mode in modules.pooling for flag, mode in POOLING_FLAGS.items()}
    kinds = ["Transformer", "Pooling"]
    kinds += ["Normalize" if step is None else "Dense" for step in modules.steps]
    paths = [f"{place}_{kind}" if place else "" for place, kind in enumerate(kinds)]
    for path in paths[1:]:
        (target / path).mkdir()
    _write_json(target / paths[1] / "config.json", pooling)
    for path, step in zip(paths[2:], modules.steps, strict=True):
        if step is not None:
            _write_dense(step, target / path)
    listed = [
        {"idx": place, "name": str(place), "path": path, "type": f"{_PACKAGE}.{kind}"}
        for place, (path, kind) in enumerate(zip(paths, kinds, strict=True))
    ]
    _write_json(target / MODULES_FILE, listed)


def _write_dense(step: Dense, folder: Path) -> None:
    out, width = step.weight.shape
    place = "linear" if step.activation == "Identity" else "activation"
    settings = {
        "in_features": width,
        "out_features": out,
        "bias": True,
        "activation_function": f"torch.nn.modules.{place}.{step.activation}",
    }
    _write_json(folder / "config.json", settings)
    tensors = {"linear.weight": step.weight.contiguous(), "linear.bias": step.bias.contiguous()}
    save_file(tensors, folder / "model.safetensors")


@torch.no_grad()
def _difference(network: _Classifier, target: Path) -> float:
    """The largest difference of a logit between the network and the files, read anew."""
    body = AutoModel.from_pretrained(target, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(target, local_files_only=True)
    most = network.tokens.max_tokens
    texts = [network.tokens.prefix + text for text in _TEXTS]
    batch = tokenizer(texts, padding=True, truncation=True, max_length=most, return_tensors="pt")
    accepted = inspect.signature(body.forward).parameters
    states = body(**{k: v for k, v in batch.items() if k in accepted}).last_hidden_state.float()
    steps = sentence_steps(target)
    vectors = pool(states, batch["attention_mask"], steps[1].pooling())
    for step in steps[2:]:
        if step.kind == "Normalize":
            vectors = functional.normalize(vectors, dim=-1)
            continue
        layer, settings = load_file(step.folder / "model.safetensors"), step.settings()
        activation = getattr(nn, settings["activation_function"].rsplit(".", 1)[-1])()
        vectors = activation(vectors @ layer["linear.weight"].T + layer["linear.bias"])
    own = network(network.collate(list(_TEXTS)))
    return float((vectors - own).abs().max())


def _cost(network: _Classifier, shift: LanguageShift, held_out: dict[str, str]) -> Cost:
    """Answers with the language chosen by `shift` beside those where it is fixed."""
    rows = read_predictions(Path(held_out["file"]), "row", limit=_ALL)
    order = np.random.default_rng(0).permutation(len(rows))[:_MOST_ROWS]
    sample = [rows[place] for place in sorted(order)]
    texts, truth = [row["text"] for row in sample], [row["label"] for row in sample]
    fixed = _answers(network, texts)
    assert network.bridge is not None
    own, network.bridge.shift = network.bridge.shift, shift
    chosen = _answers(network, texts)
    network.bridge.shift = own
    return Cost(
        language=held_out["language"],
        rows=len(sample),
        of_rows=len(rows),
        chosen=_accuracy(chosen, truth),
        fixed=_accuracy(fixed, truth),
        changed=sum(a != b for a, b in zip(chosen, fixed, strict=True)),
    )


def _answers(network: Network, texts: list[str]) -> list[Any]:
    """A label for each text, or a list of labels in the model's order."""
    probabilities = predict(network, texts)
    several = network.task is Task.MULTI_LABEL_CLASSIFICATION
    targets = np.zeros(probabilities.shape if several else len(texts), bool if several else int)
    return network.objective.row_answers(probabilities, targets).predicted


def _accuracy(answers: list[Any], truth: list[Any]) -> float:
    right = sum(
        (sorted(a) == sorted(b)) if isinstance(a, list) else a == b
        for a, b in zip(answers, truth, strict=True)
    )
    return right / max(len(truth), 1)


def _describe(
    network: _Classifier,
    name: str,
    sha256: str,
    language: str | None,
    costs: list[Cost],
    difference: float,
    target: Path,
) -> None:
    """Write the README and `model.json`."""
    metadata = {
        "labels": list(network.labels),
        "task": str(network.task),
        "language": language,
        "cost": [asdict(cost) for cost in costs],
    }
    _write_json(target / ABOUT_FILE, metadata)
    text = _README.format(
        name=name,
        sha256=sha256,
        texts=len(_TEXTS),
        difference=difference,
        fixed=f", its language fixed to `{language}`" if language else "",
        same=f" where every text is taken to be of `{language}`" if language else "",
        labels=", ".join(f"`{label}`" for label in network.labels),
        answers=_ANSWERS[network.task is Task.MULTI_LABEL_CLASSIFICATION],
        cost=_cost_text(language, network, costs),
    )
    (target / README_FILE).write_text(text, encoding="utf-8")


def _cost_text(language: str | None, network: _Classifier, costs: list[Cost]) -> str:
    if language is None or network.bridge is None:
        return "Nothing: the model chooses no language, and these modules are all of it."
    languages = ", ".join(f"`{one}`" for one in network.bridge.languages)
    text = (
        f"The model itself chooses the language of each text, one of {languages}, and shifts its "
        f"vector by that language's mean. Here every text is taken to be of `{language}`; "
        "`?format=onnx` keeps the choice. "
    )
    if not costs:
        return text + (
            "What that costs was **not measured**: the service keeps no held-out rows of this "
            "model (only a transfer makes them, and retention may drop them)."
        )
    head = "| rows in | rows | language chosen | fixed | answers that change |"
    lines = [head, "| --- | --- | --- | --- | --- |"]
    for one in costs:
        counted = f"{one.rows}" if one.rows == one.of_rows else f"{one.rows} of {one.of_rows}"
        lines.append(
            f"| {one.language} | {counted} | {one.chosen:.1%} | {one.fixed:.1%} | {one.changed} |"
        )
    measured = "Measured on the held-out rows of the model's own evaluation (accuracy):"
    return "\n".join([text + measured, "", *lines])


def _write_json(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
