"""The files of a directory's tokenizer: copied as they are, or written anew after a change."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from app.formats.huggingface.layout import TOKENIZER_FILE
from app.formats.json_file import read_json_object

_DESCRIPTIONS = ("tokenizer_config.json", "special_tokens_map.json")
_COPIES = (
    *("added_tokens.json", "vocab.txt", "vocab.json", "merges.txt"),
    *("spiece.model", "sentencepiece.bpe.model"),
)


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

        Beside a changed tokenizer.json no other copy of the vocabulary is left, and no list of
        ids of added tokens: both would speak of the old one.
        """
        if self.tokenizer is None:
            for name in (TOKENIZER_FILE, *_DESCRIPTIONS, *_COPIES):
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, folder / name)
            return
        self.tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
        for name in _DESCRIPTIONS:
            if (self.folder / name).is_file():
                content = self._described(read_json_object(self.folder / name))
                text = json.dumps(content, ensure_ascii=False, indent=2)
                (folder / name).write_text(text, encoding="utf-8")

    def _described(self, content: dict[str, Any]) -> dict[str, Any]:
        stays = {key: value for key, value in content.items() if key != "added_tokens_decoder"}
        return {
            key: self._renamed(value) if key.endswith("_token") else value
            for key, value in stays.items()
        }

    def _renamed(self, token: Any) -> Any:
        if isinstance(token, dict):
            return token | {"content": self._renamed(token.get("content"))}
        return self.renamed.get(token, token) if isinstance(token, str) else token


def _chained(first: dict[str, str], then: dict[str, str]) -> dict[str, str]:
    """Both renamings in a row."""
    return then | {old: then.get(new, new) for old, new in first.items()}
