"""`bridge`: puts a multilingual encoder before the model's own head, through a linear map."""

from __future__ import annotations

from app.domain.errors.methods import HeadNotBridgeable, NothingToBridge
from app.learn.bridge import Bridgeable
from app.learn.bridge_fit import BridgeOptions, centre_language, fit_bridge
from app.learn.callbacks import Monitor
from app.learn.data.examples import BilingualTexts, bilingual_texts, texts_of
from app.methods.contract import MethodInput, MethodOutput


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Put the auxiliary model's encoder before the source model's head, or centre the model's own.

    Without an auxiliary model the source model's encoder is taken to know the target language
    already, and only the shift between the languages is added.
    """
    if not isinstance(method_input.network, Bridgeable):
        raise HeadNotBridgeable(type(method_input.network).__name__)
    texts = texts_of_input(method_input)
    if method_input.auxiliary_model is None:
        return _centre_only(method_input, texts, monitor)
    if isinstance(method_input.auxiliary_model, Bridgeable):
        method_input.auxiliary_model.bridge = None
    options = BridgeOptions(**method_input.parameters.model_dump())
    bridge, report = fit_bridge(
        *(
            method_input.network,
            method_input.auxiliary_model,
            texts,
            options,
            method_input.vectors,
            monitor,
        ),
        labelled=method_input.source,
    )
    network = method_input.network.with_encoder(method_input.auxiliary_model, bridge).eval()
    return MethodOutput(network, [], _stop_reason(report), report, rebuilt=True)


def texts_of_input(method_input: MethodInput) -> BilingualTexts:
    """All text of the two languages that came with the transfer, without labels."""
    source = [] if method_input.source is None else texts_of(method_input.source.inputs)
    source += texts_of(method_input.source_unlabelled or [])
    languages = (method_input.source_language, method_input.target_language)
    return bilingual_texts(
        languages, source, texts_of(method_input.unlabelled or []), method_input.parallel
    )


def _centre_only(
    method_input: MethodInput, texts: BilingualTexts, monitor: Monitor
) -> MethodOutput:
    if not method_input.parameters.centring or not texts.target:
        raise NothingToBridge
    report = centre_language(
        method_input.network, texts, method_input.vectors, monitor, method_input.source
    )
    return MethodOutput(method_input.network, [], _stop_reason(report), report, rebuilt=True)


def _stop_reason(report: dict) -> str:
    sentence = f"The map was fitted on {report['source_texts']} source texts in closed form."
    return sentence if report["map"] else "Both encoders are the same, so no map was fitted."
