"""The files of a directory's tokenizer: read, copied as they are, or written anew."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import CONFIG_MAPPING, AutoTokenizer
from transformers.models.auto.tokenization_auto import MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS

from app.domain.errors.model_files import FileInvalid
from app.formats.huggingface.layout import TOKENIZER_FILE
from app.formats.json_file import read_json_object

CONFIG_FILE = "tokenizer_config.json"
# The class that takes tokenizer.json as it stands; the others set a tokenizer up by settings of
# tokenizer_config.json (`do_lower_case`, `strip_accents` ...) and take only pieces from the file.
_WHOLE_FILE = "PreTrainedTokenizerFast"
_SETTINGS = ("add_bos_token", "add_eos_token", "split_special_tokens", "fix_mistral_regex")
# What a description says about any tokenizer.
_OF_ANY = ("model_max_length", "padding_side", "truncation_side", "model_input_names")
_COPIES = (
    *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt"),
    *("spiece.model", "sentencepiece.bpe.model"),
)


# Read in this order; the later one wins.
DESCRIPTIONS = ("special_tokens_map.json", CONFIG_FILE)


def read_tokenizer(folder: Path, model_type: str, renamed: bool = False) -> Tokenizer:
    """The tokenizer of a directory, as transformers' `AutoTokenizer` reads it; raises FileInvalid.

    Where that is nothing but tokenizer.json, that file is read alone: it takes a third of the
    time and of the memory. `renamed`: config.json names another type, which is ours alone.
    """
    try:
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    except Exception as problem:  # the library raises bare Exceptions
        raise FileInvalid(TOKENIZER_FILE, f"it cannot be read ({problem})") from None
    described = read_description(folder)
    if _stands_for_itself(tokenizer, described, model_type):
        return tokenizer
    asked = {"config": CONFIG_MAPPING[model_type]()} if renamed else {}
    try:
        theirs = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **asked
        )
    except Exception as problem:  # of many kinds, by the class
        raise FileInvalid(
            CONFIG_FILE,
            f"transformers makes no tokenizer of it ({problem})"[:500],
            f'Save the tokenizer again; or add "tokenizer_class": "{_WHOLE_FILE}" to '
            f"{CONFIG_FILE}, by which {TOKENIZER_FILE} is read as it stands.",
        ) from None
    if not theirs.is_fast:
        raise FileInvalid(
            CONFIG_FILE,
            f"its class {type(theirs).__name__} works in Python alone, without {TOKENIZER_FILE}",
            "Send a model whose tokenizer is a fast one.",
        )
    read: Tokenizer = theirs.backend_tokenizer
    return read


def read_description(folder: Path) -> dict[str, Any]:
    """What the files beside tokenizer.json say of it."""
    asked: dict[str, Any] = {}
    for name in DESCRIPTIONS:
        if (folder / name).is_file():
            asked |= read_json_object(folder / name)
    return asked


def _stands_for_itself(tokenizer: Tokenizer, described: dict[str, Any], model_type: str) -> bool:
    """Whether `AutoTokenizer` takes the file whole and adds nothing to it."""
    if described.get("tokenizer_class") not in (_WHOLE_FILE, "TokenizersBackend"):
        return False
    if model_type in MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS:
        return False
    if any(described.get(name) is not None for name in _SETTINGS):
        return False
    named = [v for k, v in described.items() if k.endswith("_token")]
    for several in ("additional_special_tokens", "extra_special_tokens", "added_tokens_decoder"):
        more = described.get(several) or ()
        named += more.values() if isinstance(more, dict) else more
    contents = [one.get("content") if isinstance(one, dict) else one for one in named]
    return all(tokenizer.token_to_id(str(one)) is not None for one in contents if one is not None)


@dataclass(frozen=True)
class TokenizerFiles:
    """What stands in `folder`, or `tokenizer` in its place with special tokens `renamed`."""

    folder: Path
    tokenizer: Tokenizer | None = None
    renamed: dict[str, str] = field(default_factory=dict)

    def changed(self, tokenizer: Tokenizer, renamed: dict[str, str]) -> TokenizerFiles:
        """The same with another tokenizer."""
        return TokenizerFiles(self.folder, tokenizer, _chained(self.renamed, renamed))

    def write(self, folder: Path) -> None:
        """Write them into `folder`.

        Beside a changed tokenizer.json no other copy of the vocabulary is left, no list of ids of
        added tokens, and no class or setting of the old tokenizer: all would speak of that.
        """
        if self.tokenizer is None:
            for name in (TOKENIZER_FILE, *DESCRIPTIONS, *_COPIES):
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, folder / name)
            return
        self.tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
        asked = read_description(self.folder)
        described = {"tokenizer_class": _WHOLE_FILE} | {
            key: self._renamed(value) if key.endswith("_token") else value
            for key, value in asked.items()
            if key in _OF_ANY or (key.endswith("_token") and not key.startswith("add_"))
        }
        text = json.dumps(described, ensure_ascii=False, indent=2)
        (folder / CONFIG_FILE).write_text(text, encoding="utf-8")

    def _renamed(self, token: Any) -> Any:
        if isinstance(token, dict):
            return token | {"content": self._renamed(token.get("content"))}
        return self.renamed.get(token, token) if isinstance(token, str) else token


def _chained(first: dict[str, str], then: dict[str, str]) -> dict[str, str]:
    """Both renamings in a row."""
    return then | {old: then.get(new, new) for old, new in first.items()}
