"""What lies in an unpacked model folder: what is needed, what is left out, what is refused."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from app.artifacts.git_lfs import refuse_pointer
from app.domain.errors.model_files import AdapterNotMerged, ModelNotAtTop
from app.formats.code_formats import refuse_code_inside
from app.formats.json_file import read_json_object

_CONFIG, _ADAPTER = "config.json", "adapter_config.json"
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
# Weights for other frameworks, and the state that a trainer goes on from. Pickles by other names
# may be heads, which a model lacks without them.
_NEEDLESS = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".hdf5")
# The steps of sentence-transformers after the encoder, such as 2_Dense.
_STEP = re.compile(r"\d+_\w+")
_SHOWN = 5


def settle_model_folder(folder: Path) -> list[str]:
    """Refuse what cannot be a model, and say in notes which files are left out.

    Beside a Hugging Face directory's own safetensors other weights and a trainer's state are
    never opened. Raises `AdapterNotMerged`, `FormatRunsCode`, `LfsPointer` and `ModelNotAtTop`.
    """
    _refuse_adapter(folder)
    _refuse_models_below(folder)
    needless = _needless(folder)
    refuse_code_inside(folder, needless)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in needless:
            refuse_pointer(path, name)
    return _note(needless)


def _refuse_adapter(folder: Path) -> None:
    # Even beside whole weights: transformers would fetch the base model that it names.
    if (folder / _ADAPTER).is_file():
        config = read_json_object(folder / _ADAPTER)
        base, task = config.get("base_model_name_or_path"), config.get("task_type")
        raise AdapterNotMerged(str(config.get("peft_type")), str(base), str(task))


def _refuse_models_below(folder: Path) -> None:
    """Models in several folders, or in one beside others: which is meant?"""
    if any(path.is_file() for path in folder.iterdir()):
        return
    below = sorted(path.parent.relative_to(folder).as_posix() for path in folder.rglob(_CONFIG))
    if below:
        raise ModelNotAtTop(below)


def _needless(folder: Path) -> frozenset[str]:
    if not (folder / _CONFIG).is_file() or not any((folder / one).is_file() for one in _WEIGHTS):
        return frozenset()
    files = (path for path in folder.rglob("*") if path.suffix.lower() in _NEEDLESS)
    names = (path.relative_to(folder).as_posix() for path in files if path.is_file())
    return frozenset(name for name in names if not _may_be_needed(folder, name))


def _may_be_needed(folder: Path, name: str) -> bool:
    parts = PurePosixPath(name).parts
    if parts[-1].startswith("model_head."):
        return True
    step = len(parts) > 1 and _STEP.fullmatch(parts[0])
    return bool(step) and not (folder / parts[0] / _WEIGHTS[0]).is_file()


def _note(needless: frozenset[str]) -> list[str]:
    if not needless:
        return []
    shown = ", ".join(sorted(needless)[:_SHOWN])
    more = f" and {len(needless) - _SHOWN} more" if len(needless) > _SHOWN else ""
    return [f"Not needed beside the safetensors, and never opened: {shown}{more}."]
