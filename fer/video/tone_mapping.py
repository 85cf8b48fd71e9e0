"""Bring HDR video to what a screen and a model trained on photos expect, as a formula for FFmpeg's `lutrgb`.

The transfer functions are those of ITU-R BT.2100, the tone curve is Reinhard's extended one (Reinhard et al.,
'Photographic tone reproduction', 2002). Each colour is mapped on its own and BT.2020's primaries stay, which makes
colours a little paler: the expressions are read from grey crops. FFmpeg's own `scale=intent=perceptual` is more exact,
but needs 5 s to start and 50 ms per frame of 1080p instead of 0.2 s and 15 ms.
"""

from typing import Final

# AVColorTransferCharacteristic.
PQ, HLG = 16, 18
# BT.2408: white paper has 203 nits, and most films are graded for 1,000.
_WHITE_NITS: Final = 203.0
_PEAK: Final = 1000.0 / _WHITE_NITS
_GAMMA: Final = 1 / 2.2


def tone_curve(transfer: int) -> str:
    """Return the expression for one value of a colour.

    Args:
        transfer: `PQ` or `HLG`.
    """
    # The table is also computed for values that the format can't have.
    value = "min(1,val/maxval)"
    light = f"({_pq(value) if transfer == PQ else _hlg(value)})"
    mapped = f"min(1,{light}*(1+{light}/{_PEAK**2:.4f})/(1+{light}))"
    return f"maxval*pow({mapped},{_GAMMA:.5f})"


def _pq(value: str) -> str:
    """Return light relative to white paper (SMPTE ST 2084)."""
    root = f"pow({value},1/78.84375)"
    light = f"pow(max({root}-0.8359375,0)/(18.8515625-18.6875*{root}),1/0.1593017578125)"
    return f"{10_000 / _WHITE_NITS:.6f}*{light}"


def _hlg(value: str) -> str:
    """Return light relative to white paper, on a screen of 1,000 nits with its system gamma of 1.2 (ARIB STD-B67)."""
    scene = f"if(lte({value},0.5),{value}*{value}/3,(exp(({value}-0.55991073)/0.17883277)+0.28466892)/12)"
    return f"{_PEAK:.6f}*pow({scene},1.2)"
