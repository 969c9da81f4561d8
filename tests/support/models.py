"""Builders of tiny model folders, each a real one that its format's own library has written."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

INTENTS = ("alarm", "music", "weather")
TAGS = ("O", "B-AREA", "I-AREA", "B-NAME", "I-NAME")
DIGITS = tuple("0123456789")
SENTENCES = (
    "wake me up at seven tomorrow",
    "play the song that I like",
    "will it rain this afternoon",
    "weck mich morgen um sieben",
    "spiele das Lied das ich mag",
    "wird es heute Nachmittag regnen",
    "niamshe kesho saa moja asubuhi",
    "कल सुबह सात बजे जगाओ",
)


def a_text_classifier(
    folder: Path,
    labels: Sequence[str] = INTENTS,
    texts: Iterable[str] = SENTENCES,
    seed: int = 0,
    dtype: str = "float32",
    **config: Any,
) -> Path:
    """A BERT sequence classifier, 2 layers of 32; its byte-level tokenizer reads any language."""
    from transformers import BertForSequenceClassification

    return _a_classifier(BertForSequenceClassification, folder, labels, texts, seed, dtype, config)


BROKEN = "Q"


def with_a_broken_letter(folder: Path) -> Path:
    """The same text model, but that it answers NaN to every text with the letter `BROKEN`."""
    import torch
    from safetensors.torch import load_file, save_file

    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    weights = load_file(folder / "model.safetensors")
    [name] = [name for name in weights if name.endswith("word_embeddings.weight")]
    for token, position in vocabulary.items():
        if BROKEN in token:
            weights[name][position] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def a_label_set_classifier(folder: Path, labels: Sequence[str] = INTENTS, **chosen: Any) -> Path:
    """The same for any number of labels."""
    return a_text_classifier(folder, labels, problem_type="multi_label_classification", **chosen)


def a_token_classifier(
    folder: Path,
    labels: Sequence[str] = TAGS,
    texts: Iterable[str] = SENTENCES,
    seed: int = 0,
    dtype: str = "float32",
    **config: Any,
) -> Path:
    """A BERT token classifier, 2 layers of 32."""
    from transformers import BertForTokenClassification

    return _a_classifier(BertForTokenClassification, folder, labels, texts, seed, dtype, config)


def _a_classifier(
    kind: Any,
    folder: Path,
    labels: Sequence[str],
    texts: Iterable[str],
    seed: int,
    dtype: str,
    config: dict[str, Any],
) -> Path:
    import torch

    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    built = _bert_config(
        _write_tokenizer(folder, texts), id2label=names, label2id=_turned(names), **config
    )
    kind(built).to(getattr(torch, dtype)).save_pretrained(folder)
    return folder


def an_encoder(
    folder: Path,
    labels: Sequence[str] = (),
    texts: Iterable[str] = SENTENCES,
    prefix: str = "query: ",
    pooling: str = "mean",
    seed: int = 0,
    dtype: str = "float32",
    task: str = "text-classification",
) -> Path:
    """A plain BERT encoder, 2 layers of 32; with `labels` it carries a linear head of its own."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertModel

    torch.manual_seed(seed)
    config = _bert_config(_write_tokenizer(folder, texts))
    BertModel(config, add_pooling_layer=False).to(getattr(torch, dtype)).save_pretrained(folder)
    head: dict[str, Any] = {"pooling": pooling, "prefix": prefix, "normalize": True}
    if labels:
        head |= {"labels": list(labels), "task": task}
        weight, bias = torch.randn(len(labels), config.hidden_size), torch.zeros(len(labels))
        save_file({"weight": weight, "bias": bias}, folder / "head.safetensors")
    (folder / "head.json").write_text(json.dumps(head), encoding="utf-8")
    return folder


def a_sentence_encoder(
    folder: Path,
    pooling: dict[str, Any],
    dense: dict[str, Any] | None = None,
    normalize: bool = False,
    steps: Sequence[str] = (),
) -> Path:
    """A directory as sentence-transformers saves it, with further `steps` at the end."""
    import torch
    from safetensors.torch import save_file

    an_encoder(folder, prefix="")
    (folder / "head.json").unlink()
    kinds = ["Transformer", "Pooling", *(["Dense"] if dense else [])]
    kinds += [*(["Normalize"] if normalize else []), *steps]
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"st.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    for module in modules[1:]:
        (folder / str(module["path"])).mkdir()
    asked = {"word_embedding_dimension": 32} | pooling
    (folder / "1_Pooling/config.json").write_text(json.dumps(asked))
    if dense:
        random = torch.Generator().manual_seed(0)
        size = (dense["out_features"], dense["in_features"])
        weights = {"linear.weight": torch.randn(size, generator=random) / 4}
        weights["linear.bias"] = torch.randn(size[0], generator=random)
        save_file(weights, folder / "2_Dense/model.safetensors")
        (folder / "2_Dense/config.json").write_text(json.dumps(dense))
    return folder


def an_image_classifier_hf(
    folder: Path,
    labels: Sequence[str] = DIGITS,
    size: int = 28,
    seed: int = 0,
    channels: int = 1,
) -> Path:
    """A vision transformer of 2 layers of 32 for images (grey ones), which it scales to `size`."""
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(seed)
    names = dict(enumerate(labels))
    config = ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=size,
        patch_size=7,
        num_channels=channels,
        id2label=names,
        label2id=_turned(names),
    )
    ViTForImageClassification(config).save_pretrained(folder)
    preparation = {
        "do_resize": True,
        "size": {"height": size, "width": size},
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": [0.5] * channels,
        "image_std": [0.5] * channels,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation), encoding="utf-8")
    return folder


def a_declared_digit_reader(
    folder: Path, size: int = 28, labels: Sequence[str] = DIGITS, seed: int = 0
) -> Path:
    """An untrained digit CNN as safetensors and `architecture.json`."""
    import torch
    from safetensors.torch import save_file
    from torch import nn

    torch.manual_seed(seed)
    layers = _digit_layers(size, len(labels))
    network = nn.Sequential(
        *(
            getattr(nn, layer["type"])(**{k: v for k, v in layer.items() if k != "type"})
            for layer in layers
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), folder / "model.safetensors")
    shape = {"channels": 1, "height": size, "width": size, "mean": [0.0], "std": [1.0]}
    architecture = {"input": shape, "labels": list(labels), "layers": layers}
    (folder / "architecture.json").write_text(json.dumps(architecture), encoding="utf-8")
    return folder


def zipped(folder: Path, top: str = "") -> Path:
    """The folder as a zip beside it; `top` puts all of it below one folder of that name."""
    file = folder.with_suffix(".zip")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, Path(top) / path.relative_to(folder))
    return file


def _digit_layers(size: int, classes: int) -> list[dict[str, Any]]:
    side = ((size - 4) // 2 - 4) // 2
    return [
        {"type": "Conv2d", "in_channels": 1, "out_channels": 16, "kernel_size": 5},
        {"type": "ReLU"},
        {"type": "MaxPool2d", "kernel_size": 2},
        {"type": "Conv2d", "in_channels": 16, "out_channels": 32, "kernel_size": 5},
        {"type": "ReLU"},
        {"type": "MaxPool2d", "kernel_size": 2},
        {"type": "Flatten"},
        {"type": "Linear", "in_features": 32 * side * side, "out_features": 256},
        {"type": "ReLU"},
        {"type": "Linear", "in_features": 256, "out_features": classes},
    ]


def _write_tokenizer(folder: Path, texts: Iterable[str]) -> int:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        model_max_length=64,
    ).save_pretrained(folder)
    return tokenizer.get_vocab_size()


def _bert_config(vocabulary: int, **config: Any) -> Any:
    from transformers import BertConfig

    small = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
        "pad_token_id": 1,
    }
    return BertConfig(vocab_size=vocabulary, **(small | config))


def _turned(names: dict[int, str]) -> dict[str, int]:
    return {label: position for position, label in names.items()}
