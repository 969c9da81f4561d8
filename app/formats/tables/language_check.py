"""Whether the texts look like the language they are said to be in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from app.domain.languages import script_of
from app.formats.tables.even_sample import even_sample
from app.formats.tables.identifier import CHARACTERS, identifier, identifier_code
from app.formats.tables.scripts import share_in_script

_SAMPLE = 400
_BLOCK = 2000
_SCRIPT_SHARE = 0.5


def check_language(texts: list[str], claimed: str) -> dict[str, Any]:
    """Identify the language of an even sample of the texts with py3langid, and check the script.

    `share` is that of sampled texts identified as the claimed language, `others` the next most
    frequent. Short texts are easily mistaken one by one, so blocks of about 2,000 characters
    are identified too: `looks_right` is True when the claimed language leads in either count
    and the script fits, and None where neither could be checked: `checked` says whether the
    identifier knows the language.
    """
    sample = [text[:CHARACTERS] for text in even_sample(texts, _SAMPLE)]
    script = _check_script(sample, script_of(claimed))
    identified = _identify(sample, claimed)
    verdicts = [part["fits"] for part in (script, identified) if part["fits"] is not None]
    return {
        "claimed": claimed,
        "checked": identified["fits"] is not None,
        "sampled": len(sample),
        "share": identified["share"],
        "others": identified["others"],
        "script": script["name"],
        "script_share": script["share"],
        "looks_right": all(verdicts) if verdicts else None,
    }


def note_language(report: dict[str, Any]) -> list[str]:
    """A sentence when the texts do not look like the claimed language, or were not checked."""
    claimed = report["claimed"]
    if report["looks_right"] is False:
        others = ", ".join(report["others"]) or f"another script than {report['script']}"
        return [f"The texts do not look like `{claimed}`; they look like: {others}."]
    if not report["checked"]:
        return [f"The language was not checked: the identifier does not know `{claimed}`."]
    return []


def _check_script(sample: list[str], script: str | None) -> dict[str, Any]:
    shares = [
        share for text in sample if (share := share_in_script(text, script or "")) is not None
    ]
    if not shares:
        return {"name": script, "share": None, "fits": None}
    share = sum(value >= _SCRIPT_SHARE for value in shares) / len(shares)
    return {"name": script, "share": round(share, 4), "fits": share >= _SCRIPT_SHARE}


def _identify(sample: list[str], claimed: str) -> dict[str, Any]:
    code = identifier_code(claimed)
    counts = Counter(identifier().classify(text)[0] for text in sample)
    blocks = Counter(identifier().classify(block)[0] for block in _blocks(sample))
    others = [name for name, _ in counts.most_common(4) if name != code][:3]
    if code is None:
        return {"share": None, "others": others, "fits": None}
    fits = code in (counts.most_common(1)[0][0], blocks.most_common(1)[0][0])
    return {"share": round(counts[code] / len(sample), 4), "others": others, "fits": fits}


def _blocks(sample: list[str]) -> list[str]:
    joined = "\n".join(sample)
    return [joined[start : start + _BLOCK] for start in range(0, len(joined), _BLOCK)]
