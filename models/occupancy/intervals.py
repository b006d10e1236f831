"""Intervals that hold: how far readings of simulated places lay from the truth, in units of their own doubt.

Split conformal prediction (Vovk et al. 2005) with the residual scaled by what the net expects of a date (its
unrest, snow and view among other things), by groups: dates that pass the gate and those that do not, by how
full they read. Within a group the interval is to hold for each kind of date, not for their mean only.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imagery.errors import UnreadableError
from imagery.whole import written
from models.occupancy.limits import WAGON_LENGTH_M
from models.occupancy.reading import Reading

BINS_M = (150.0, 500.0)
"""Readings below, between and above these filled metres are calibrated apart."""
_GRID = np.round(np.linspace(0.0025, 0.9975, 399), 4)
_LEAST = 100  # readings of a group that are needed to calibrate it by itself
_LEAST_OF_KIND = 40  # readings of a kind in a group for ends of its own: one in twenty lies beyond each

Scores = NDArray[np.float64]
Errors = dict[tuple[str, str], list[tuple[float, ...]]]
"""Scaled errors of each reading, by kind and group."""


@dataclass(frozen=True)
class Trial:
    """A reading of a date of which the truth is known."""

    reading: Reading
    """What was read."""
    passed: bool
    """Whether the date passes the gate."""
    true_m: float
    """Filled metres."""
    cars: int
    """Wagons."""


@dataclass(frozen=True)
class Calibration:
    """Quantiles of the scaled error, by group."""

    metres: dict[str, Scores]
    """(399,) of (true metres - metres read) / scale."""
    cars: dict[str, Scores]
    """(399,) of (wagons x 13.92 m - metres read) / scale."""
    counts: dict[str, int]
    """Readings behind each group."""

    def interval(self, reading: Reading, passed: bool, total_m: float, level: float) -> tuple[float, float]:
        """Lower and upper end of the filled metres."""
        low, high = self._ends(self.metres, reading, passed, level)
        return min(max(low, 0.0), reading.metres), max(min(high, total_m), reading.metres)

    def interval_cars(
        self, reading: Reading, passed: bool, total_m: float, level: float
    ) -> tuple[float, float]:
        """Lower and upper end of the number of wagons, whose lengths are not known."""
        low, high = (end / WAGON_LENGTH_M for end in self._ends(self.cars, reading, passed, level))
        value = reading.metres / WAGON_LENGTH_M
        return min(max(low, 0.0), value), max(min(high, total_m / WAGON_LENGTH_M), value)

    def _ends(
        self, scores: dict[str, Scores], reading: Reading, passed: bool, level: float
    ) -> tuple[float, float]:
        own = scores[group_of(reading.metres, passed)]
        low, high = np.interp([(1 - level) / 2, (1 + level) / 2], _GRID, own)
        return reading.metres + float(low) * reading.scale_m, reading.metres + float(high) * reading.scale_m

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        plain = {
            "bins_m": BINS_M,
            "counts": self.counts,
            "metres": {name: np.round(part, 4).tolist() for name, part in self.metres.items()},
            "cars": {name: np.round(part, 4).tolist() for name, part in self.cars.items()},
        }
        with written(path) as part:
            part.write_text(json.dumps(plain) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """What write kept.

        Raises:
            UnreadableError: The file is absent or damaged.
        """
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            parts = [
                {k: np.array(v, dtype=np.float64) for k, v in plain[name].items()}
                for name in ("metres", "cars")
            ]
            return cls(parts[0], parts[1], plain["counts"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = f"calibration {path} cannot be used ({error}); make it with `yardwatch train`"
            raise UnreadableError(text) from error


def group_of(metres: float, passed: bool) -> str:
    """Name of the group that a reading is calibrated in."""
    return f"{'pass' if passed else 'fail'}-{int(np.searchsorted(BINS_M, metres))}"


def calibrate(kinds: Mapping[str, Sequence[Trial]]) -> Calibration:
    """Quantiles of the scaled errors of readings of places that nothing was learnt from.

    Nobody knows of which kind a real date is: whether its tops resemble those that were learnt, how restless
    its ground is. So each end of an interval is the outermost of those of the kinds and of all together. Half
    of the scores of wagons take them as simulated, 12 to 23 m long, half as 13.92 m each.

    Args:
        kinds: Trials by how their dates were made.

    Returns:
        Quantiles by group. A kind counts by itself in groups where it has enough readings.
    """
    metres: Errors = defaultdict(list)
    cars: Errors = defaultdict(list)
    for kind, trials in kinds.items():
        for trial in trials:
            reading = trial.reading
            group = kind, group_of(reading.metres, trial.passed)
            error = (trial.true_m - reading.metres) / reading.scale_m
            metres[group].append((error,))
            cars[group].append((error, (trial.cars * WAGON_LENGTH_M - reading.metres) / reading.scale_m))
    counts = Counter(group for (_, group), own in metres.items() for _ in own)
    return Calibration(_by_group(metres), _by_group(cars), dict(counts))


def _by_group(errors: Errors) -> dict[str, Scores]:
    """Quantiles by group; one with too few readings takes those of its whole side of the gate too."""
    result = {}
    for side in ("pass", "fail"):
        for k in range(len(BINS_M) + 1):
            name = f"{side}-{k}"
            own = [part for (_, group), part in errors.items() if group == name]
            whole = [part for (_, group), part in errors.items() if group.startswith(side)]
            pooled = own if sum(map(len, own)) >= _LEAST else whole or list(errors.values())
            ends = [_quantiles(list(chain.from_iterable(pooled)))]
            ends += [_quantiles(part) for part in own if len(part) >= _LEAST_OF_KIND]
            result[name] = np.where(_GRID < 0.5, np.min(ends, axis=0), np.max(ends, axis=0))
    return result


def _quantiles(errors: Sequence[tuple[float, ...]]) -> Scores:
    """Ends move outwards by one rank, so that coverage holds for a finite number of readings."""
    spread = np.clip(0.5 + (_GRID - 0.5) * (1 + 2 / len(errors)), 0, 1)
    return np.quantile([error for several in errors for error in several], spread)
