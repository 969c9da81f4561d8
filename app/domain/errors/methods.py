"""Errors of the methods: strategies, bridges, auxiliary models, tokenizers and dictionaries."""

from __future__ import annotations

from app.domain.errors import InvalidInput, NotFound, TransferFailed

_INSTEAD = "Choose the strategy head, lp-ft or full."


class MethodUnknown(NotFound):
    """No method is called that."""

    code = "method-unknown"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no method called {name!r}.",
            f"Choose one of: {', '.join(known)}. GET /v1/methods describes them.",
            name=name,
            known=list(known),
        )


class HeadNotRegression(TransferFailed):
    """The strategy `logistic` needs a head that is one linear layer."""

    code = "head-not-regression"

    def __init__(self) -> None:
        super().__init__(
            "The strategy `logistic` fits a head that is one linear layer on one vector of each "
            "input; this model's head is another.",
            "Choose the strategy `head`, which trains any head.",
        )


class AuxiliaryModelMissing(InvalidInput):
    """The method needs a second model, and has no default for it."""

    code = "auxiliary-model-missing"

    def __init__(self, method: str, formats: list[str]) -> None:
        super().__init__(
            f"{method} needs a second model that knows the target language.",
            f"Register one ({' or '.join(formats)}) and name it with `auxiliary_model`.",
            method=method,
            formats=formats,
        )


class AuxiliaryModelUnused(InvalidInput):
    """The method has no use for a second model."""

    code = "auxiliary-model-unused"

    def __init__(self, method: str, auxiliary_model: str) -> None:
        super().__init__(
            f"{method} takes no second model, but `{auxiliary_model}` is named.",
            "Leave `auxiliary_model` out, or choose a method that takes one: GET /v1/methods.",
            method=method,
            auxiliary_model=auxiliary_model,
        )


class AuxiliaryModelUnfit(InvalidInput):
    """The second model is of a format that the method cannot use as one."""

    code = "auxiliary-model-unfit"

    def __init__(self, method: str, found: str, formats: list[str]) -> None:
        super().__init__(
            f"{method} takes {' or '.join(formats)} models as auxiliary model, not {found}.",
            "Name another model with `auxiliary_model`.",
            method=method,
            found=found,
            formats=formats,
        )


class HubModelUnavailable(TransferFailed):
    """A model of a hub could not be downloaded by this machine."""

    code = "hub-model-unavailable"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"The model `{name}` could not be downloaded: {reason}.",
            "Check its name, and that the worker's machine reaches the hub (HF_ENDPOINT, proxy, "
            "HF_TOKEN). Or upload the model and name it by its id.",
            name=name,
        )


class TooFewRowsForMap(InvalidInput):
    """There is less text than a map between two spaces of vectors needs for its rank."""

    code = "too-few-rows-for-map"

    def __init__(self, rows: int, rank: int) -> None:
        super().__init__(
            f"A map of rank {rank} needs at least {rank + 1} different source-language texts, "
            f"but there are {rows}.",
            "Add source-language text: `source_unlabelled` takes any sentences, without labels. "
            "Or ask for a map of lower `rank`.",
            rows=rows,
            needed=rank + 1,
        )


class TooFewRowsToCentre(InvalidInput):
    """There is too little text of a language to say where its vectors lie."""

    code = "too-few-rows-to-centre"

    def __init__(self, language: str, rows: int, needed: int) -> None:
        super().__init__(
            f"The mean vector of {language} needs at least {needed} different texts, "
            f"but there are {rows}.",
            "Add text without labels (`unlabelled` for the target language, `source_unlabelled` "
            "for the source language).",
            language=language,
            rows=rows,
            needed=needed,
        )


class NothingToBridge(InvalidInput):
    """Neither another encoder nor anything by which to adjust the model's own."""

    code = "nothing-to-bridge"

    def __init__(self) -> None:
        super().__init__(
            "Without `auxiliary_model` the model keeps its own encoder, and without `unlabelled` "
            "text of the target language there is nothing to adjust it by.",
            "Name a multilingual encoder as `auxiliary_model` (`starter` is one), or give "
            "`unlabelled` "
            "text and leave `centring` on.",
        )


class HeadNotBridgeable(InvalidInput):
    """The model's head does not read one vector for each text."""

    code = "head-not-bridgeable"

    def __init__(self, network: str) -> None:
        super().__init__(
            f"The head of a {network} does not read one sentence vector for each text, so that "
            "no other encoder can be put before it.",
            "Use a text classifier or a sentence encoder, or another method.",
            network=network,
        )


class AuxiliaryModelNotEncoder(InvalidInput):
    """The second model is not a plain encoder of texts."""

    code = "auxiliary-model-not-encoder"

    def __init__(self, network: str) -> None:
        super().__init__(
            f"The auxiliary model is a {network}, which cannot stand before another model's head.",
            "Name a plain text encoder as `auxiliary_model` (`...Model` in its config.json), for "
            "instance `starter`.",
            network=network,
        )


class StrategyUnfit(InvalidInput):
    """The strategy cannot train models of this format."""

    code = "strategy-unfit"

    def __init__(self, strategy: str, format: str) -> None:
        super().__init__(
            f"The strategy {strategy} updates the attention of Hugging Face models; this one has "
            f"the format {format}.",
            _INSTEAD,
            strategy=strategy,
            format=format,
        )


class NoAttention(TransferFailed):
    """The network has no linear module within an attention."""

    code = "no-attention"

    def __init__(self) -> None:
        super().__init__(
            "The strategy lora updates linear modules of a network's attention, and this network "
            "has none.",
            f"{_INSTEAD} Or name linear modules of the network in `lora_targets`.",
        )


class ModulesUnknown(TransferFailed):
    """Names in `lora_targets` that no linear module of the body has."""

    code = "modules-unknown"

    def __init__(self, unknown: list[str], known: list[str]) -> None:
        super().__init__(
            f"No linear module of the network is called {', '.join(map(repr, unknown))}.",
            f"Name modules by the end of their names, among: {', '.join(known)}.",
            unknown=unknown,
            known=known,
        )


class EmbeddingUnsupported(TransferFailed):
    """The network has no table with one row for each token."""

    code = "embedding-unsupported"

    def __init__(self, architecture: str) -> None:
        super().__init__(
            f"The network ({architecture}) has no embedding with one row for each token.",
            "Use a method that leaves the vocabulary as it is: fine-tune, joint or bridge.",
            architecture=architecture,
        )


class TokenizerUnsupported(TransferFailed):
    """The tokenizer is of a kind, or laid out in a way, that cannot be changed soundly."""

    code = "tokenizer-unsupported"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The model's tokenizer cannot be changed: {reason}.",
            "Unigram, WordPiece and BPE tokenizers in a tokenizer.json can be.",
            reason=reason,
        )


class TooFewRowsKept(TransferFailed):
    """The number of rows asked for has no room for what must stay."""

    code = "too-few-rows-kept"

    def __init__(self, asked: int, needed: int) -> None:
        super().__init__(
            f"{asked} rows are too few: {needed} must stay, for special tokens, single "
            "characters of the languages' scripts and what they are made of.",
            f"Ask for at least {needed} `rows`, or raise `script_share` to keep fewer scripts.",
            asked=asked,
            needed=needed,
        )


class TooLittleText(TransferFailed):
    """The texts do not hold as many subwords as the tokenizer is to have."""

    code = "too-little-text"

    def __init__(self, found: int, asked: int) -> None:
        super().__init__(
            f"The texts yield a tokenizer of {found} tokens; {asked} were asked for.",
            f"Give more `unlabelled` text, or ask for at most {found} as `vocab_size`.",
            found=found,
            asked=asked,
        )


class SpecialTokensDiffer(TransferFailed):
    """The auxiliary model's tokenizer lacks a token that the network needs."""

    code = "special-tokens-differ"

    def __init__(self, token: str) -> None:
        super().__init__(
            f"The auxiliary model's tokenizer has nothing that stands for {token!r}.",
            "Name an auxiliary model that puts the same kinds of special tokens around a text and "
            "has a "
            "padding token, or none: then a tokenizer is trained on the unlabelled text.",
            token=token,
        )


class DictionaryTooSmall(TransferFailed):
    """Too few pairs of words are in both vocabularies to fit a map."""

    code = "dictionary-too-small"

    def __init__(
        self, usable: int, needed: int, given: int, missing_source: int, missing_target: int
    ) -> None:
        super().__init__(
            f"Of {given} pairs of words, {usable} are left to fit a map, and it needs {needed}: "
            f"{missing_source} words are not among the source vectors, {missing_target} not "
            "among the target vectors.",
            "Give more pairs, or vectors that know these words; `self_learning` makes do with "
            "fewer, and `seed_dictionary` can be `identical` or `unsupervised`.",
            usable=usable,
            needed=needed,
            given=given,
            missing_source=missing_source,
            missing_target=missing_target,
        )


class DictionaryMissing(TransferFailed):
    """The parameters ask for a dictionary, and none was given."""

    code = "dictionary-missing"

    def __init__(self) -> None:
        super().__init__(
            "`seed_dictionary` is `dictionary`, but there is no dataset for the role dictionary.",
            "Give word pairs for that role, or choose `identical` or `unsupervised`.",
        )
