"""The names of the steps of normalisation; imports no torch, so that the method's spec may."""

from __future__ import annotations

from enum import StrEnum


class NormalisationStep(StrEnum):
    """One step of normalisation (Artetxe et al., 2018, "Generalizing and improving bilingual ...").

    `unit`: every word to length 1; `center`: every dimension to mean 0; `unitdim`: every
    dimension to length 1; `centeremb`: every word to mean 0.
    """

    UNIT = "unit"
    CENTER = "center"
    UNITDIM = "unitdim"
    CENTEREMB = "centeremb"
