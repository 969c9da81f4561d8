"""Low-rank updates of linear modules (LoRA), merged into their weights after training."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from app.domain.errors.methods import ModulesUnknown, NoAttention
from app.learn.network import Network
from app.learn.training.recipe import LoraOptions

_ATTENTION = re.compile(r"att(n|ention)", re.IGNORECASE)


@contextmanager
def low_rank_updates(network: Network, options: LoraOptions) -> Iterator[None]:
    """Inside, only the updates and the head have gradients; afterwards the modules are as before.

    What was learnt is then part of their weights (Hu et al., 2022, "LoRA: Low-rank adaptation of
    large language models"), so that the network has the same parameters, by name and shape, and
    answers as with the updates beside it. The updates begin at zero; their draws follow torch's
    seed. Raises `NoAttention` or `ModulesUnknown`.
    """
    # peft takes seconds to import, and few transfers need it.
    from peft import LoraConfig, inject_adapter_in_model

    names = target_modules(network, options.targets)
    config = LoraConfig(r=options.rank, lora_alpha=options.alpha, target_modules=names)
    inject_adapter_in_model(config, network)
    for parameter in network.head_parameters():
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        _merge(network)


def target_modules(network: Network, wanted: tuple[str, ...] | None) -> list[str]:
    """The names of the linear modules to update; the head's are never among them."""
    head = {id(parameter) for parameter in network.head_parameters()}
    linear = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and id(module.weight) not in head
    ]
    if wanted is None:
        found = [name for name in linear if _ATTENTION.search(name)]
        if not found:
            raise NoAttention
        return found
    ends = {end: [n for n in linear if n == end or n.endswith(f".{end}")] for end in wanted}
    if unknown := [end for end, names in ends.items() if not names]:
        raise ModulesUnknown(unknown, sorted({name.rsplit(".", 1)[-1] for name in linear}))
    return sorted({name for names in ends.values() for name in names})


def _merge(network: Network) -> None:
    from peft.tuners.tuners_utils import BaseTunerLayer

    updated = [(n, m) for n, m in network.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, module in updated:
        module.merge()
        parent, _, own = name.rpartition(".")
        setattr(network.get_submodule(parent), own, module.get_base_layer())
