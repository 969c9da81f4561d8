"""The case of `vocabulary`: an English classifier learns English in another spelling."""

from __future__ import annotations

from app.learn.network import Network
from app.methods.contract import MethodInput, Parameters
from tests.contracts.cases.case import Case
from tests.support.ciphers import an_english_classifier, commands_in_cipher, words

_ROWS = commands_in_cipher()


def _given(network: Network, parameters: Parameters) -> MethodInput:
    return MethodInput(
        network=network,
        parameters=parameters,
        unlabelled=_ROWS.inputs,
        dictionary=words(),
        seed=3,
    )


CASES = (
    Case(
        method="vocabulary",
        kind="text",
        build=an_english_classifier,
        given=_given,
        unseen=_ROWS,
        variants=({"rows_steps": 6, "all_steps": 6}, {"initialisation": "random"}),
        gain=0.4,
    ),
)
