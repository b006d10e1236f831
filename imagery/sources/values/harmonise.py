"""From stored numbers to reflectance and backscatter: one explicit rule for each kind of product.

Never by the sensing date: Collection 1 reprocessed older scenes with the offset. Sources: ESA's notice of
processing baseline 04.00 (scenes taken from 2022-01-25 on, and all that was reprocessed since), by which
reflectance = (stored + BOA_ADD_OFFSET) / 10000 with BOA_ADD_OFFSET = -1000; and what each provider says of
its copies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.textfile import short

Quantity = Literal["reflectance", "gamma0-linear", "gamma0-decibel", "amplitude"]
Baseline = tuple[int, int]

UNKNOWN: Baseline = (6, 0)
"""First baseline of which no rule is known: what it stores must be looked up before it is used."""


@dataclass(frozen=True)
class Rule:
    """How the stored numbers of one kind of product become physical ones."""

    name: str
    """In every record."""
    scale: float
    """Physical value = stored value x scale + offset."""
    offset: float
    """See scale."""
    nodata: float | None
    """Stored value that means no data."""
    quantity: Quantity
    """What the physical value is."""
    source: str
    """Where the rule comes from."""


Span = tuple[Baseline, Baseline]


@dataclass(frozen=True)
class _Row:
    """One line of the table: for which products, and the offset that is still to be added."""

    provider: str
    collection: str
    baselines: Span
    flags: tuple[bool | None, ...]
    offset: float
    name: str
    source: str


_BEFORE: Span = ((0, 0), (4, 0))
_AFTER: Span = ((4, 0), UNKNOWN)  # stored numbers carry 1000 more
_COLLECTION_1: Span = ((5, 0), UNKNOWN)
_EVERY: Span = ((0, 0), UNKNOWN)
_E84 = "Element84/earth-search, collection descriptions and issues 24, 66, 71"
_ESA = "ESA, Sentinel-2 processing baseline 04.00, BOA_ADD_OFFSET"
_PC = "Planetary Computer, sentinel-2-l2a: ESA's numbers, Items without scale and offset"
_CDSE = "Copernicus Data Space: ESA's own files"
_L2A, _C1, _PRE = "sentinel-2-l2a", "sentinel-2-c1-l2a", "sentinel-2-pre-c1-l2a"

_TABLE = tuple(
    _Row(*row)
    for row in (
        # With the flag set the offset is off the pixels already, though the Item still advertises -0.1.
        ("earth-search", _L2A, _EVERY, (True,), 0.0, "earth-search-offset-applied", _E84),
        ("earth-search", _L2A, _BEFORE, (False, None), 0.0, "earth-search-before-04", _ESA),
        ("earth-search", _L2A, _AFTER, (False,), -0.1, "earth-search-offset-kept", _E84),
        ("earth-search", _C1, _COLLECTION_1, (None,), -0.1, "earth-search-c1", _E84),
        ("earth-search", _PRE, _BEFORE, (None,), 0.0, "earth-search-pre-c1-before-04", _E84),
        ("earth-search", _PRE, _AFTER, (None,), -0.1, "earth-search-pre-c1-since-04", _E84),
        ("earth-search-v2", _L2A, _COLLECTION_1, (None,), -0.1, "earth-search-v2-c1", _E84),
        ("planetary-computer", _L2A, _BEFORE, (None,), 0.0, "planetary-computer-before-04", _PC),
        ("planetary-computer", _L2A, _AFTER, (None,), -0.1, "planetary-computer-since-04", _PC),
        ("copernicus", _L2A, _BEFORE, (None,), 0.0, "copernicus-before-04", _CDSE),
        ("copernicus", _L2A, _AFTER, (None,), -0.1, "copernicus-since-04", _CDSE),
    )
)

_GRD = Rule("grd-amplitude", 1.0, 0.0, 0, "amplitude", "Sentinel-1 GRD: amplitude, not calibrated")
_RTC = Rule(
    "planetary-computer-rtc",
    1.0,
    0.0,
    -32768,
    "gamma0-linear",
    "Planetary Computer, sentinel-1-rtc: terrain-corrected gamma nought as linear power",
)
_RADAR = {
    ("planetary-computer", "sentinel-1-rtc"): _RTC,
    ("planetary-computer", "sentinel-1-grd"): _GRD,
    ("earth-search", "sentinel-1-grd"): _GRD,
}


def rule_for(provider: str, collection: str, baseline: str = "", offset_applied: object = None) -> Rule:
    """The rule of a product.

    Args:
        provider: Name of the catalogue's kind, such as ``earth-search``.
        collection: Collection in it.
        baseline: Processing baseline as the Item states it, such as ``05.11``; none for radar.
        offset_applied: Its ``earthsearch:boa_offset_applied``, None where it has none.

    Raises:
        InputError: No rule is known for this combination; the message names it.
    """
    radar = _RADAR.get((provider, collection))
    if radar is not None:
        return radar
    what = f"{provider} / {collection} / baseline {baseline or 'unstated'} / flag {short(offset_applied)}"
    number = parse_baseline(baseline)
    if number is None or not (offset_applied is None or isinstance(offset_applied, bool)):
        raise InputError(f"no harmonisation rule for {what}: its baseline or flag cannot be read")
    for row in _TABLE:
        if (row.provider, row.collection) == (provider, collection) and (
            row.baselines[0] <= number < row.baselines[1] and offset_applied in row.flags
        ):
            return Rule(row.name, 1e-4, row.offset, 0, "reflectance", row.source)
    raise InputError(
        f"no harmonisation rule for {what}: look up what it stores, and give scale and offset in the "
        "catalogue's mapping"
    )


def parse_baseline(text: object) -> Baseline | None:
    """``05.11`` or ``N0511`` as (5, 11); None for anything else."""
    found = re.fullmatch(r"N?(\d{2})\.?(\d{2})", text) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else None


def to_decibel(linear: NDArray[np.floating]) -> NDArray[np.float32]:
    """Backscatter as 10 log10 of linear power; what is not above zero has none: NaN. Any shape."""
    power = np.asarray(linear, dtype=np.float32)
    found = np.full(power.shape, np.nan, np.float32)
    np.log10(power, out=found, where=power > 0)
    return np.asarray(found * np.float32(10), dtype=np.float32)


def to_linear(decibel: NDArray[np.floating]) -> NDArray[np.float32]:
    """Linear power of backscatter in dB. Any shape."""
    return np.asarray(10 ** (np.asarray(decibel, dtype=np.float64) / 10), dtype=np.float32)


def backscatter_scale(values: NDArray[np.floating], valid: NDArray[np.bool_]) -> Quantity:
    """Whether backscatter is stored as linear power or in dB, by what power can be.

    Power is never negative, and gamma nought of land and sea lies mostly below 1, that is below 0 dB: a
    median below zero is dB, and a picture without negative values is power.

    Args:
        values: Of any shape.
        valid: Same shape, pixels with data.

    Raises:
        InputError: Neither fits: some values are negative, most are not.
    """
    seen = np.asarray(values)[valid & np.isfinite(values)]
    if seen.size and np.median(seen) < 0:
        return "gamma0-decibel"
    if seen.size and (seen < 0).mean() < 1e-4:  # filters leave single pixels below zero
        return "gamma0-linear"
    share = float(np.mean(seen < 0)) if seen.size else 0.0
    raise InputError(
        f"backscatter of {seen.size} values, {share:.0%} of them negative, is neither power nor dB: "
        "look at its source"
    )
