"""When a linear rise of 3 cars a day began: width and coverage of the 90 % interval, and false onsets.

python -m benchmarks.occupancy_rows.onset

SIMULATED, and without pixels: chance traffic of 0 to 20 cars over a year, then 3 cars a day up to 73, read
with the error of readings.py on the days of a regular orbit of which clouds leave a share. The day on which
it begins is drawn at random, and the readings end three days after the top is reached.
"""

from __future__ import annotations

import itertools
import json
from datetime import date, timedelta

import numpy as np

from benchmarks.occupancy_rows.readings import COARSE, read
from imagery.period import Period
from models.stats.onset import Shape, onset_of
from models.stats.series import Series

DATA = (
    f"SIMULATED series without pixels, 60 of each kind: error of {COARSE[0]} cars and {COARSE[1]:.0%} of "
    "the count, as measured on the shipped net; dates as named"
)
SEEN = {
    "every_5_days_half_seen": (5, 0.5),
    "every_5_days_80_percent_seen": (5, 0.8),
    "every_3_days_80_percent_seen": (3, 0.8),
}
"""Revisit in days and share of dates that clouds leave: one orbit, one orbit in a clear autumn, two orbits or
optical and radar together."""
PER_DAY = 3.0
TOP = 73.0
SERIES = 60
FIRST = date(2022, 8, 1)
LOOKED_FROM = date(2023, 8, 1)


def rows(series: int = SERIES) -> dict[str, float]:
    """Figures of each kind of revisit, nothing being known of the rise, and that it is no step.

    Args:
        series: How many of each kind.
    """
    figures: dict[str, float] = {}
    shapes: tuple[tuple[str, Shape], ...] = (("", "either"), ("told_gradual_", "ramp"))
    for (name, (every, share)), (told, shape) in itertools.product(SEEN.items(), shapes):
        generator = np.random.default_rng(3)
        widths, covered, missed, early = [], [], 0, 0
        for _ in range(series):
            began = date(2023, 8, 25) + timedelta(days=int(generator.integers(0, 30)))
            one = _series(generator, every, share, began, rises=True)
            found = onset_of(one, _period(one), generator, shape=shape)
            if found.low is None or found.high is None:
                missed += 1
                continue
            widths.append((found.high - found.low).days + 1)
            covered.append(found.low <= began <= found.high)
            flat = _series(generator, every, share, began, rises=False)
            early += onset_of(flat, _period(flat), generator, shape=shape).found
        figures |= {
            f"{told}width_days_median_{name}": float(np.median(widths)),
            f"{told}within_12_days_{name}": float(np.mean(np.array(widths) <= 12)),
            f"{told}coverage_{name}": float(np.mean(covered)),
            f"{told}missed_{name}": missed / series,
            f"{told}found_without_rise_{name}": early / (series - missed),
        }
    return figures


def _series(generator: np.random.Generator, every: int, share: float, began: date, rises: bool) -> Series:
    last = began + timedelta(days=int(TOP / PER_DAY) + 3)
    days = np.arange(np.datetime64(FIRST) + generator.integers(0, every), np.datetime64(last), every)
    days = days[generator.random(len(days)) < share]
    traffic = np.minimum(generator.gamma(1.2, 3.0, len(days)), 20.0)
    since = (days - np.datetime64(began)).astype(float)
    return read(days, traffic + rises * np.clip(PER_DAY * since, 0.0, TOP), COARSE, generator)


def _period(series: Series) -> Period:
    return Period(LOOKED_FROM, series.times[-1].astype("datetime64[D]").item() + timedelta(days=1))


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
