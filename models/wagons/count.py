"""How many railcars stand there, from the boxes of a detector, with both kinds of error carried."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy  # its parts load when they are first used

from imagery.errors import InputError
from models.detections import Detections
from models.measurement import Measurement
from models.wagons.calibrate import Calibration

Estimate = tuple[float, float, float]
"""Value, low, high."""

TYPICAL_M = 13.92
"""A four-axle gondola over couplers, where no wagon was found to be measured."""
CALIBRATED = ("strips", "strips+adapted")
"""Detectors whose counts were calibrated on images that they were not trained on, and that read covers."""


@dataclass(frozen=True)
class Rates:
    """How an uncalibrated detector may do elsewhere: ranges by judgement, wider than what was seen."""

    precision: tuple[float, float]
    """Low and high share of its boxes that are railcars."""
    recall: tuple[float, float]
    """Low and high share of the railcars that it finds."""
    alarms_per_km2: float
    """Boxes on ground without railcars, beyond which a count cannot be a matter of false alarms."""


RATES = {
    # Seen in benchmarks/results/score_real_edges.json: precision .97, recall .6 on the one yard that may be
    # trained on; alarms on every sixth picture of backgrounds/.
    "edges": Rates(precision=(0.5, 1.0), recall=(0.4, 0.95), alarms_per_km2=110.0)
}


def count(
    found: Detections, visible_share: float, level: float = 0.9, method: str = "edges"
) -> tuple[Measurement, ...]:
    """Railcars in a place and the metres of track that they stand on, and how many are under a tarpaulin.

    Ground that cannot be seen may be empty or twice as full as what is seen: it raises the upper end alone.

    Args:
        found: Boxes of one detector.
        visible_share: Share of the place that is seen, above 0 to 1.
        level: Nominal coverage of the intervals.
        method: Name of the detector.

    Returns:
        ``railcars`` and ``occupied_track_m``; of a detector that reads covers ``tarped_railcars`` and
        ``blue_tarped_railcars`` too. Others give no count of covers, zero least of all.

    Raises:
        InputError: Nothing is seen, or the detector's error rates are not known.
    """
    if not 0 < visible_share <= 1:
        raise InputError(f"visible share {visible_share}: with nothing seen there is a skip, not a count")
    hidden = 1 + 2 * (1 - visible_share) / visible_share

    def of(quantity: str, boxes: Detections) -> Measurement:
        value, low, high = _estimate(boxes, visible_share, level, method)
        return Measurement(quantity, value, low, high * hidden, level, "railcars", method, visible_share)

    railcars = of("railcars", found)
    measured = (railcars, _occupied(found, railcars))
    if method not in CALIBRATED:
        return measured
    tarped = np.array([tarp != "none" for tarp in found.tarps], dtype=bool)
    blue = np.array([tarp == "blue" for tarp in found.tarps], dtype=bool)
    return *measured, of("tarped_railcars", found.take(tarped)), of("blue_tarped_railcars", found.take(blue))


def _occupied(found: Detections, railcars: Measurement) -> Measurement:
    """Lengths over couplers added up; the interval in proportion to that of the count."""
    each = float(found.boxes[:, 2].mean() * found.gsd_m) if len(found) else TYPICAL_M
    return Measurement(
        "occupied_track_m",
        railcars.value * each,
        railcars.low * each,
        railcars.high * each,
        railcars.level,
        "m",
        railcars.method,
        railcars.visible_share,
    )


def _estimate(found: Detections, visible_share: float, level: float, method: str) -> Estimate:
    if method in CALIBRATED:
        calibration = _calibration()
        if not len(found):
            return calibration.interval(np.empty(0), found.gsd_m, level)
        mapped = bool(found.attributes["mapped"].any())
        return calibration.interval(calibration.probabilities(found), found.gsd_m, level, mapped)
    if method not in RATES:
        raise InputError(
            f"no error rates of detector {method!r}: there are {', '.join((*RATES, *CALIBRATED))}"
        )
    return _judged(found, RATES[method], visible_share, level)


def _judged(found: Detections, rates: Rates, visible_share: float, level: float) -> Estimate:
    """The boxes themselves; the interval takes the worst of every range at once, with Poisson bounds of n.

    Few of the boxes are right and few railcars were missed, or all are right and many were missed; and false
    alarms at their usual density may explain all of them. The level is nominal, not a measured coverage.
    """
    rows, cols = found.grid.shape
    alarms = rates.alarms_per_km2 * rows * cols * found.gsd_m**2 / 1e6 * visible_share
    n = len(found)
    fewest, most = _poisson(n, level)
    low = max(0.0, min(fewest * rates.precision[0], fewest - alarms)) / rates.recall[1]
    return float(n), min(low, float(n)), most * rates.precision[1] / rates.recall[0]


def _poisson(n: int, level: float) -> tuple[float, float]:
    """Exact bounds of a Poisson mean of which n were seen."""
    tail = (1 - level) / 2
    low = float(scipy.stats.chi2.ppf(tail, 2 * n)) / 2 if n else 0.0
    return low, float(scipy.stats.chi2.ppf(1 - tail, 2 * n + 2)) / 2


@cache
def _calibration() -> Calibration:
    return Calibration.read(Path(__file__).parents[1] / "weights" / "calibration.json")
