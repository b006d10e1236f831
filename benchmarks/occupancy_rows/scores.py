"""Figures of readings beside the truth, the same for every kind of test date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.occupancy.differ import Difference
from models.occupancy.gate import PASS, gate
from models.occupancy.intervals import Calibration
from models.occupancy.limits import WAGON_LENGTH_M
from models.occupancy.reading import Reading

LEVEL = 0.9
BINS = ((0, 10), (10, 20), (20, 40), (40, 60), (60, 80), (80, 110))
"""Wagons of 13.92 m, from and below, in which bias is told."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scored:
    """Test dates in a row: truth, reading, interval, gate."""

    true_m: Numbers
    cars: Numbers
    read_m: Numbers
    low_m: Numbers
    high_m: Numbers
    low_cars: Numbers
    high_cars: Numbers
    passed: NDArray[np.bool_]
    place: NDArray[np.int64]

    def take(self, keep: NDArray[np.bool_]) -> Scored:
        """The dates where ``keep`` is true."""
        return Scored(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    @property
    def error(self) -> Numbers:
        """Reading minus truth in wagons of 13.92 m."""
        return (self.read_m - self.true_m) / WAGON_LENGTH_M

    def figures(self, name: str) -> dict[str, float]:
        """Mean absolute error, bias, coverage and median width of the 90 % interval, in wagons of 13.92 m."""
        if not len(self.true_m):
            return {f"{name}_dates": 0.0}
        covered = (self.low_m <= self.true_m) & (self.true_m <= self.high_m)
        covered_cars = (self.low_cars <= self.cars) & (self.cars <= self.high_cars)
        return {
            f"{name}_dates": float(len(self.true_m)),
            f"{name}_mae_cars": float(np.abs(self.error).mean()),
            f"{name}_bias_cars": float(self.error.mean()),
            f"{name}_coverage_metres": float(covered.mean()),
            f"{name}_coverage_railcars": float(covered_cars.mean()),
            f"{name}_width_cars": float(np.median(self.high_m - self.low_m) / WAGON_LENGTH_M),
        }

    def spread(self) -> tuple[float, float]:
        """Standard deviation of the error in wagons where nothing stands, and as a share of what stands.

        A normal error of the same mean size; that size is the likeliest of its form for errors with long
        tails (Laplace), so that a few dates far off do not decide.
        """
        wagons, size = self.true_m / WAGON_LENGTH_M, np.abs(self.error)

        def misfit(logarithms: Numbers) -> float:
            empty, share = np.exp(logarithms)
            scale = np.hypot(empty, share * wagons)
            return float((np.log(scale) + size / scale).sum())

        empty, share = np.sqrt(np.pi / 2) * np.exp(
            minimize(misfit, np.log([4.0, 0.2]), method="Nelder-Mead").x
        )
        return float(empty), float(share)

    def bias_by_count(self, name: str) -> dict[str, float]:
        """Mean error in each bin of true wagons of 13.92 m."""
        wagons = self.true_m / WAGON_LENGTH_M
        inside = {(low, high): (wagons >= low) & (wagons < high) for low, high in BINS}
        return {
            f"{name}_bias_cars_{low}_to_{high}": float(self.error[here].mean())
            for (low, high), here in inside.items()
            if here.any()
        }


def scored(
    dates: Sequence[Difference],
    readings: Sequence[Reading],
    true_m: Sequence[float],
    cars: Sequence[int],
    calibration: Calibration,
    place: int,
) -> Scored:
    """Readings of one place beside the truth."""
    passed = [gate(one) == PASS for one in dates]
    pairs = list(zip(readings, passed, dates, strict=True))
    metres = [calibration.interval(r, ok, one.total_m, LEVEL) for r, ok, one in pairs]
    wagons = [calibration.interval_cars(r, ok, one.total_m, LEVEL) for r, ok, one in pairs]
    ends = np.array([(*m, *c) for m, c in zip(metres, wagons, strict=True)]).reshape(-1, 4).T
    read = np.array([reading.metres for reading in readings])
    numbers = np.array(true_m, dtype=float), np.array(cars, dtype=float), read
    return Scored(*numbers, *ends, np.array(passed, dtype=bool), np.full(len(read), place))


def together(parts: Sequence[Scored]) -> Scored:
    """Several places as one."""
    return Scored(
        *(np.concatenate([getattr(one, name) for one in parts]) for name in Scored.__dataclass_fields__)
    )
