"""Changes of processing: a step in the numbers that happened in a computer, not on the ground.

Dates before and after such a change are one series only once the step between them is taken off. It is
estimated from the dates on both sides, its interval is carried along, and it is recorded with every result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from models.stats.series import Series

ERAS = (
    ("Sentinel-2 before 04.00", 0.0, date.min),
    ("Sentinel-2 04.00", 4.0, date(2022, 1, 25)),
    ("Sentinel-2 Collection 1", 5.0, date(2022, 12, 6)),
)
"""Name, first processing baseline, and the day from which new images were processed so: 04.00 added an
offset of 1,000 to the numbers; Collection 1 (05.00 and later) reprocessed the older ones (Copernicus
Sentinel-2 processing baseline history)."""
NEAREST = 24
"""Dates on either side that a step is estimated from: those nearest in time to the other side."""
LEAST = 8
"""Dates that either side needs: below that no interval of this level exists."""
LEVEL = 0.995
"""Coverage of the interval of a step; what may miss is added to a p-value."""


@dataclass(frozen=True)
class Step:
    """What is added to the values of one era to bring them to the level of another."""

    era: str
    """Which values."""
    to: str
    """Whose level."""
    shift: float
    """The median of all differences between a date of ``to`` and one of ``era``."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end."""
    n_from: int
    """Dates of ``era`` that it was estimated from."""
    n_to: int
    """Dates of ``to``."""


def era_of(sensor: str, version: str | None, day: date, simulated: bool = False) -> str:
    """The processing era of an image; empty where its sensor has no known breaks.

    Args:
        sensor: Key of the sensor, such as ``sentinel-2-l2a``.
        version: Processing baseline as stated, such as ``04.00``. It has the first word, because older
            images were reprocessed; where it is missing or no number the sensing day has to do.
        day: Of sensing, UTC.
        simulated: Painted: without a stated version it went through no processing at all.
    """
    if not sensor.startswith("sentinel-2"):
        return ""
    try:
        number = float(version or "")
    except ValueError:
        return "" if simulated else [name for name, _, first in ERAS if day >= first][-1]
    return [name for name, least, _ in ERAS if number >= least or least == 0][-1]


def step_between(series: Series, era: str, to: str) -> Step | None:
    """The step from one era to another, from the dates nearest to each other; None with too few.

    Shift of location by Hodges and Lehmann (1963), its distribution-free interval by Moses: the order
    statistics of all differences that Wilcoxon's rank sum test cannot reject (Hollander and Wolfe,
    Nonparametric Statistical Methods, 4.2 and 4.3; normal approximation of the rank sum). It holds where
    dates are exchangeable within each side; a real change at the same time cannot be told from the step.

    Args:
        series: Dates of both eras; none of a target.
        era: Whose values are to be moved.
        to: Whose level they are brought to.
    """
    days = series.times.astype("datetime64[D]").astype(np.int64)
    eras = np.array(series.eras)
    ours, theirs = np.flatnonzero(eras == era), np.flatnonzero(eras == to)
    if min(len(ours), len(theirs)) < LEAST:
        return None
    first, second = _nearest(days, ours, theirs), _nearest(days, theirs, ours)
    differences = np.sort((series.values[second][:, None] - series.values[first]).ravel())
    m, n = len(first), len(second)
    spread = np.sqrt(m * n * (m + n + 1) / 12)
    cut = max(int(np.floor(m * n / 2 - norm.ppf((1 + LEVEL) / 2) * spread)), 0)
    low, high = float(differences[cut]), float(differences[m * n - 1 - cut])
    return Step(era, to, float(np.median(differences)), low, high, m, n)


def _nearest(days: NDArray[np.int64], ours: NDArray[np.intp], theirs: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of ours that lie nearest in time to any of theirs."""
    apart = np.abs(days[ours][:, None] - days[theirs]).min(axis=1)
    nearest: NDArray[np.intp] = ours[np.argsort(apart, kind="stable")[:NEAREST]]
    return nearest
