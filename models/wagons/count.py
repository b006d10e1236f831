"""Boxes into counts with intervals that carry misses, false alarms and what could not be seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from scipy.stats import norm

from models.detections import Detections
from models.measurement import Measurement
from models.wagons.calibrate import Calibration

Estimate = tuple[float, float, float]
"""Value, low, high."""

CALIBRATED = ("strips", "strips+adapted")
"""Detectors whose scores were calibrated on images that they were not trained on."""
READ_COVERS = ("strips", "strips+adapted")
"""Detectors that tell a tarpaulin from a bare wagon: of others no count of covers is given."""
EDGES_LEAST, EDGES_MOST = 0.6, 2.2
"""True wagons for each box of ``edges``: from 40 % false alarms and none missed to none false and 55 %
missed. On the yard that it was set on (benchmarks/results) 58 of 59 boxes are right and 36 % of wagons are
missed; the range is wider because other yards differ."""
EDGES_MISSED = 3.0
"""Wagons that ``edges`` may miss in an image in which it finds none."""

TYPICAL_M = 13.92
"""A four-axle gondola over couplers, where no wagon was found to be measured."""


def count(found: Detections, visible_share: float, level: float, method: str) -> tuple[Measurement, ...]:
    """Railcars, those under a tarpaulin, those under a blue one, and the metres of track that they stand on.

    What cannot be seen may hold as many wagons again as what can: it raises the upper end, never the value.

    Args:
        found: Boxes of one image.
        visible_share: Share (0 to 1, above 0) of the place that can be seen.
        level: Nominal coverage of the intervals.
        method: Name of the detector: each has its own calibration.

    Returns:
        ``railcars`` and ``occupied_track_m``; from a detector that reads covers also ``tarped_railcars`` and
        ``blue_tarped_railcars``.
    """
    estimate = _calibrated if method in CALIBRATED else _uncalibrated

    def of(quantity: str, boxes: Detections) -> Measurement:
        value, low, high = estimate(boxes, level)
        return Measurement(
            quantity, value, low, high / visible_share, level, "railcars", method, visible_share
        )

    railcars = of("railcars", found)
    measured = (railcars, _occupied(found, railcars))
    if method not in READ_COVERS:
        return measured
    tarped = np.array([tarp != "none" for tarp in found.tarps], dtype=bool)
    blue = np.array([tarp == "blue" for tarp in found.tarps], dtype=bool)
    return *measured, of("tarped_railcars", found.take(tarped)), of("blue_tarped_railcars", found.take(blue))


def _occupied(found: Detections, railcars: Measurement) -> Measurement:
    """Lengths over couplers added up; the interval in proportion to that of the count."""
    lengths = found.boxes[:, 2] * found.gsd_m
    each = float(lengths.mean()) if len(found) else TYPICAL_M
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


def _uncalibrated(found: Detections, level: float) -> Estimate:
    n = len(found)
    noise = float(norm.ppf(0.5 + level / 2)) * np.sqrt(n)
    return float(n), max(0.0, EDGES_LEAST * n - noise), EDGES_MOST * n + noise + EDGES_MISSED


def _calibrated(found: Detections, level: float) -> Estimate:
    calibration = _calibration()
    if not len(found):
        return calibration.interval(0.0, found.gsd_m, level)
    expected = float(calibration.probabilities(found).sum())
    mapped = bool(found.attributes["mapped"].any())
    return calibration.interval(expected, found.gsd_m, level, mapped)


@cache
def _calibration() -> Calibration:
    return Calibration.read(Path(__file__).parents[1] / "weights" / "calibration.json")
