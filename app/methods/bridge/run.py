"""The work of `bridge`."""

from __future__ import annotations

from app.domain.errors.bridging import HeadNotBridgeable, NothingToBridge
from app.learn.bridge_texts import BridgeTexts, bridge_texts
from app.learn.bridgeable import Bridgeable
from app.learn.bridging import BridgeOptions, fit_bridge
from app.learn.centring import centre
from app.learn.examples import texts_of
from app.learn.monitor import Monitor
from app.methods.contract import MethodInput, MethodOutput


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Put the companion's encoder before the source model's head, or centre the model's own.

    Without a companion the source model's encoder is taken to know the target language already,
    and only the shift between the languages is added.
    """
    if not isinstance(given.network, Bridgeable):
        raise HeadNotBridgeable(type(given.network).__name__)
    texts = texts_given(given)
    if given.companion is None:
        return _centred(given, texts, monitor)
    if isinstance(given.companion, Bridgeable):
        given.companion.bridge = None
    options = BridgeOptions(**given.parameters.model_dump())
    bridge, account = fit_bridge(
        *(given.network, given.companion, texts, options, given.vectors, monitor),
        labelled=given.source,
    )
    network = given.network.behind(given.companion, bridge).eval()
    return MethodOutput(network, [], _told(account), account, rebuilt=True)


def texts_given(given: MethodInput) -> BridgeTexts:
    """All text of the two languages that came with the transfer, labels left aside."""
    source = [] if given.source is None else texts_of(given.source.inputs)
    source += texts_of(given.source_unlabelled or [])
    languages = (given.source_language, given.target_language)
    return bridge_texts(languages, source, texts_of(given.unlabelled or []), given.parallel)


def _centred(given: MethodInput, texts: BridgeTexts, monitor: Monitor) -> MethodOutput:
    if not given.parameters.centring or not texts.target:
        raise NothingToBridge
    account = centre(given.network, texts, given.vectors, monitor, given.source)
    return MethodOutput(given.network, [], _told(account), account, rebuilt=True)


def _told(account: dict) -> str:
    said = f"The map was fitted on {account['source_texts']} source texts in closed form."
    return said if account["map"] else "Both encoders are the same, so no map was fitted."
