"""Builds the starter encoder's tokenizer: SentencePiece's unigram model in `tokenizers`' form."""

from __future__ import annotations

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from app.formats.starter.packed_file import PackedEncoder

MASK = "<mask>"
# Stands for a character that must survive NFKC; it is in no vocabulary, whatever it is.
_PRIVATE_USE = 0xF0000


def build_tokenizer(packed: PackedEncoder) -> Tokenizer:
    """The tokenizer with the file's own ids, cut at its positions, adding `<s>` and `</s>`.

    Unigram segmentation: Kudo 2018, "Subword Regularization". Runs of unknown characters become
    one `<unk>`, as SentencePiece has it.
    """
    vocabulary = list(zip(packed.pieces, map(float, packed.scores), strict=True))
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=packed.unknown, byte_fallback=False))
    tokenizer.normalizer = _normaliser(packed.characters)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    begin, end = packed.pieces[packed.bos], packed.pieces[packed.eos]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, packed.bos), (end, packed.eos)],
    )
    tokenizer.add_special_tokens(_special_tokens(packed))
    tokenizer.enable_truncation(packed.positions)
    return tokenizer


def _special_tokens(packed: PackedEncoder) -> list[AddedToken]:
    positions = (packed.bos, packed.pad, packed.eos, packed.unknown)
    tokens = [AddedToken(packed.pieces[at], normalized=False, special=True) for at in positions]
    if MASK in packed.pieces:
        tokens.append(AddedToken(MASK, lstrip=True, normalized=False, special=True))
    return tokens


def _normaliser(characters: dict[str, str]) -> normalizers.Normalizer:
    """The file's character map, as `nmt_nfkc` plus the few characters in which they differ.

    The map speaks of single characters alone; NFKC also composes a letter and its mark, as the
    encoder's original normaliser does.
    """
    nmt_nfkc = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    before: list[normalizers.Normalizer] = []
    after: list[normalizers.Normalizer] = []
    for character in _where_they_differ(characters, nmt_nfkc):
        stand_in = chr(_PRIVATE_USE + len(before))
        before.append(normalizers.Replace(character, stand_in))
        after.append(normalizers.Replace(stand_in, characters.get(character, character)))
    one_space = normalizers.Replace(Regex(" {2,}"), " ")
    return normalizers.Sequence([*before, nmt_nfkc, *after, one_space, normalizers.Strip()])


def _where_they_differ(characters: dict[str, str], normaliser: normalizers.Normalizer) -> list[str]:
    """Characters of the basic plane, where text of today lies, that the two treat differently."""
    every = (chr(point) for point in range(0x10000) if not 0xD800 <= point < 0xE000)
    return [c for c in every if normaliser.normalize_str(c) != characters.get(c, c)]
