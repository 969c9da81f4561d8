"""Hugging Face directories as trainers, repositories and file managers leave them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from pathlib import Path

from app.formats.convert.convert_model import convert_model
from app.formats.convert.torch_files import ConversionRequest
from tests.formats.real_files.case import Facts, RealFile, Refusal, read_as_model
from tests.support.archives import a_tar, a_zip, content_of
from tests.support.models import INTENTS, a_text_classifier
from tests.support.setfit_models import a_setfit_directory

_CLASSIFIER = {"format": "huggingface", "task": "text-classification", "labels": list(INTENTS)}
_PICKLE = pickle.dumps({"state": [1]}, protocol=2)
_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:" + b"4d7a" * 16 + b"\nsize 470268510\n"
)
_STATE = {
    name: _PICKLE
    for name in ("optimizer.pt", "rng_state.pth", "scheduler.pt", "scaler.pt", "training_args.bin")
}


def _classifier(file: Path, **config: object) -> dict[str, bytes]:
    return content_of(a_text_classifier(file.parent / "classifier", **config))  # type: ignore[arg-type]


def _zipped(file: Path, below: str = "", beside: Mapping[str, bytes] = {}) -> Path:
    content = {f"{below}{name}": data for name, data in _classifier(file).items()}
    return a_zip(file, content | dict(beside))


def _checkpoint(file: Path) -> Path:
    state = {"trainer_state.json": b'{"global_step": 500}', **_STATE}
    return _zipped(file, "checkpoint-500/", {f"checkpoint-500/{k}": v for k, v in state.items()})


def _output_directory(file: Path) -> Path:
    content = _classifier(file)
    below = {f"out/checkpoint-{n}/{k}": v for n in (500, 1000) for k, v in content.items()}
    below |= {"out/checkpoint-500/optimizer.pt": _PICKLE, "out/runs/events.out.tfevents.1": b"1"}
    return a_zip(file, below)


def _number_labels(file: Path) -> Path:
    content = _classifier(file)
    config = json.loads(content["config.json"])
    config |= {"id2label": {"0": 10, "1": 20, "2": 30}, "label2id": {"10": 0, "20": 1, "30": 2}}
    return a_zip(file, content | {"config.json": json.dumps(config).encode()})


def _other_head(file: Path) -> Path:
    """Weights of three labels under a configuration of four."""
    content = _classifier(file)
    config = json.loads(content["config.json"])
    config["id2label"] = {str(i): name for i, name in enumerate((*INTENTS, "other"))}
    return a_zip(file, content | {"config.json": json.dumps(config).encode()})


def _adapter(file: Path) -> Path:
    config = {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": "xlm-roberta-base",
    }
    weights = content_of(a_text_classifier(file.parent / "classifier"))["model.safetensors"]
    members = {
        "adapter_config.json": json.dumps(config).encode(),
        "adapter_model.safetensors": weights,
        "optimizer.pt": _PICKLE,
    }
    return a_zip(file, members)


def _setfit(file: Path) -> Path:
    return a_zip(file, content_of(a_setfit_directory(file.parent / "setfit")))


def _converted_setfit(file: Path) -> None:
    target = file.with_name("converted.zip")
    convert_model(a_setfit_directory(file.parent / "setfit"), target, ConversionRequest(trust=True))
    target.rename(file)


DIRECTORY_FILES: tuple[RealFile, ...] = (
    RealFile(
        "nested.zip",
        "two nested folders, a README beside them and what a Mac adds",
        lambda file: _zipped(
            file,
            "download/intents/",
            {"README.md": b"#", "__MACOSX/._download": b"\0", "download/.DS_Store": b"\0"},
        ),
        Facts(_CLASSIFIER),
        read=read_as_model,
    ),
    RealFile(
        "checkpoint-500.zip",
        "a checkpoint of Trainer: the optimizer's and the random state are pickles",
        _checkpoint,
        Facts(
            _CLASSIFIER,
            note="Not needed beside the safetensors, and never opened: optimizer.pt, "
            "rng_state.pth, scaler.pt, scheduler.pt, training_args.bin.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "repository.tar.gz",
        "a whole repository of a hub, with the weights of other frameworks as LFS pointers",
        lambda file: a_tar(
            file,
            _classifier(file)
            | {"pytorch_model.bin": _POINTER, "tf_model.h5": _POINTER, ".gitattributes": b"*"},
            "gz",
        ),
        Facts(
            _CLASSIFIER,
            note="Not needed beside the safetensors, and never opened: pytorch_model.bin, "
            "tf_model.h5.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "out.zip",
        "Trainer's output directory with two checkpoints and no model of its own",
        _output_directory,
        Refusal(
            "model-not-at-top",
            "The archive holds models in checkpoint-1000, checkpoint-500, and none beside them.",
            "Pack the one folder that you want to send, and nothing around it.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "pointers.zip",
        "a repository that was cloned without Git LFS",
        lambda file: a_zip(file, _classifier(file) | {"model.safetensors": _POINTER}),
        Refusal(
            "git-lfs-pointer",
            "model.safetensors is a Git LFS pointer and not the file itself; its 470,268,510 bytes "
            "lie elsewhere.",
            "Run `git lfs install` and `git lfs pull` in the repository, and send the file again.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "numbers.zip",
        "`id2label` with numbers as names",
        _number_labels,
        Facts({"format": "huggingface", "labels": ["10", "20", "30"]}),
        read=read_as_model,
    ),
    RealFile(
        "four.zip",
        "a head of three outputs under a configuration of four labels",
        _other_head,
        Refusal(
            "weights-do-not-fit",
            "model.safetensors does not fit the architecture: classifier.bias is (3,) where "
            "config.json asks for (4,) for its 4 labels.",
            "Save the weights and the architecture from the same network and send both.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "adapter.zip",
        "a PEFT adapter, as Trainer saves LoRA",
        _adapter,
        Refusal(
            "adapter-not-merged",
            "The upload is a PEFT adapter (LORA) for xlm-roberta-base, not a whole model.",
            "Merge it where you have xlm-roberta-base, and send what this writes: "
            "`peft.AutoPeftModelForSequenceClassification.from_pretrained(ADAPTER, num_labels=N)"
            ".merge_and_unload().save_pretrained(FOLDER)`, and the tokenizer's "
            "`save_pretrained(FOLDER)`; name the labels on uploading.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "setfit.zip",
        "a SetFit directory: the head is a pickle of scikit-learn",
        _setfit,
        Refusal(
            "format-runs-code",
            "model_head.pkl is a pickle, a format that can run code when it is read.",
            "It is the head of a SetFit model. Run `babelport convert DIRECTORY TARGET.zip "
            "--trust` on the machine where you trust the file, and send what it writes.",
        ),
        read=read_as_model,
    ),
    RealFile(
        "setfit-converted.zip",
        "the same after `babelport convert`",
        _converted_setfit,
        Facts(_CLASSIFIER),
        read=read_as_model,
    ),
)
