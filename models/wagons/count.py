"""How many railcars stand there, from the boxes of a detector: an estimate that carries both kinds of error."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import chi2

from imagery.errors import InputError
from models.detections import Detections
from models.measurement import Measurement


@dataclass(frozen=True)
class Rates:
    """How a detector did where the truth is known: the middle, and a range that is to hold elsewhere."""

    precision: tuple[float, float, float]
    """Low, middle and high share of its boxes that are railcars."""
    recall: tuple[float, float, float]
    """Low, middle and high share of the railcars that it finds."""
    alarms_per_km2: float
    """Boxes on ground without railcars, beyond which a count cannot be a matter of false alarms."""
    source: str
    """Which benchmark says so, on which data."""


RATES = {
    "edges": Rates(
        precision=(0.5, 0.97, 1.0),
        recall=(0.4, 0.6, 0.85),
        alarms_per_km2=110.0,
        source="middle: benchmarks/results/score_real_edges.json, pictures that may be trained on, all from one "
        "yard (muttenz_lower_050, muttenz_lower_025, muttenz_example_10cm); alarms: every sixth picture of "
        "backgrounds/; the ranges are set by judgement, wider than what was seen there",
    )
}


def count(
    found: Detections, visible_share: float, level: float = 0.9, method: str = "edges"
) -> tuple[Measurement, ...]:
    """Railcars in a place, from the boxes found in the part of it that can be seen.

    The estimate is n x precision / recall of n boxes, and what is unseen is taken to be as full as what is
    seen. The interval takes the worst of every range at once: few of the boxes are right and few were missed,
    or all are right and many were missed, each with the Poisson bounds of n; and false alarms at their usual
    density may explain all of them. Unseen ground may be empty, or twice as full as what is seen. The ranges
    are judgements, so the nominal level is not a measured coverage.

    Args:
        found: Boxes of one detector.
        visible_share: Share of the place that is seen, above 0 to 1.
        level: Nominal coverage of the interval.
        method: Name of the detector, a key of RATES.

    Returns:
        One measurement of ``railcars``.

    Raises:
        InputError: Nothing is seen, or the detector's error rates are not known.
    """
    if not 0 < visible_share <= 1:
        raise InputError(f"visible share {visible_share}: with nothing seen there is a skip, not a count")
    if method not in RATES:
        raise InputError(f"no error rates of detector {method!r}: there are {', '.join(RATES)}")
    rates, n = RATES[method], len(found)
    rows, cols = found.grid.shape
    alarms = rates.alarms_per_km2 * rows * cols * found.gsd_m**2 / 1e6 * visible_share
    fewest, most = _poisson(n, level)
    low = max(0.0, min(fewest * rates.precision[0], fewest - alarms)) / rates.recall[2]
    value = n * rates.precision[1] / rates.recall[1] / visible_share
    high = most * rates.precision[2] / rates.recall[0] * (1 + 2 * (1 - visible_share) / visible_share)
    return (Measurement("railcars", value, low, high, level, "railcars", method, visible_share),)


def _poisson(n: int, level: float) -> tuple[float, float]:
    """Exact bounds of a Poisson mean of which n were seen."""
    tail = (1 - level) / 2
    low = float(chi2.ppf(tail, 2 * n)) / 2 if n else 0.0
    high = float(chi2.ppf(1 - tail, 2 * n + 2)) / 2
    return low, high if math.isfinite(high) else float(n)
