"""What the time of year does to the ground: growth, snow and wet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from imagery.synthetic.chance import stream


@dataclass(frozen=True)
class Season:
    """State of the ground on one day."""

    lush: float
    """Green growth, 0 in winter to 1 in high summer."""
    snow: float
    """Share of open ground under snow, 0 to 1."""
    wet: float
    """0 dry to 1 just rained on."""


def season_of(seed: int, site: str, day: date) -> Season:
    """The ground of a temperate monsoon coast on one day; years differ by chance.

    Growth is a double logistic curve over the year; its dates move by about a week from year to year.
    """
    rng = stream(seed, site, day.year, "growth")
    up, down, top = 125 + rng.normal(0, 6), 282 + rng.normal(0, 6), rng.uniform(0.9, 1.0)
    n = day.timetuple().tm_yday
    lush = top / (1 + math.exp(-(n - up) / 9)) / (1 + math.exp((n - down) / 11))
    wet = stream(seed, site, day, "wet")
    return Season(lush, _snow(seed, site, day), float(wet.beta(2, 3)) if wet.random() < 0.18 else 0.0)


def _snow(seed: int, site: str, day: date) -> float:
    """A few snowfalls a winter, each melting over days to weeks."""
    winter = day.year if day.month >= 7 else day.year - 1
    rng = stream(seed, site, winter, "snow")
    cover = 0.0
    for _ in range(int(rng.integers(2, 6))):
        fall = date(winter, 11, 25) + timedelta(days=int(rng.integers(0, 112)))
        lasts, depth = int(rng.integers(5, 22)), float(rng.uniform(0.4, 1.0))
        age = (day - fall).days
        if 0 <= age < lasts:
            cover = max(cover, float(np.clip(2.2 * depth * (1 - age / lasts), 0, 1)))
    return cover
