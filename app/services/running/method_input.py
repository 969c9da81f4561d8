"""All that a method is given in one repeat."""

from __future__ import annotations

from app.domain.enums import Role
from app.domain.transfers import TransferSpec
from app.learn.checkpoints import Checkpoints, CheckpointsWithin
from app.methods.catalog import method_named
from app.methods.contract import MethodInput
from app.services.context import Context
from app.services.running.companion import load_companion
from app.services.running.material import Material, load_network
from app.services.running.partition import HeldOut, Partition


def method_input(
    context: Context,
    spec: TransferSpec,
    material: Material,
    held: HeldOut,
    partition: Partition,
    number: int,
    checkpoints: Checkpoints,
) -> MethodInput:
    """Fresh networks, the rows of `partition`, and what else the user gave; no test rows."""
    method = method_named(spec.method)
    return MethodInput(
        network=load_network(context, material, spec.seed + number),
        parameters=method.parameters.model_validate(spec.parameters),
        train=partition.train,
        validation=partition.validation,
        source=partition.source,
        unlabelled=held.inputs.get(Role.UNLABELLED),
        source_unlabelled=held.inputs.get(Role.SOURCE_UNLABELLED),
        parallel=held.pairs.get(Role.PARALLEL),
        dictionary=held.pairs.get(Role.DICTIONARY),
        companion=load_companion(context, spec.companion),
        source_language=material.model.languages[0],
        target_language=spec.language,
        vectors=context.vectors,
        checkpoints=CheckpointsWithin(checkpoints, f"repeat-{number}"),
        seed=spec.seed + number,
    )
