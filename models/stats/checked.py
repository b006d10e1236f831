"""A few dates checked by a person, and what they say of all the others.

Dates are drawn by chance, the doubtful ones more often; the mean difference between person and machine, each
weighed by how likely its date was to be drawn, corrects the machine's sum without bias. Method: the
difference estimator of Hansen and Hurwitz's draws with replacement (Annals of Mathematical Statistics 14,
1943; Särndal, Swensson and Wretman, Model Assisted Survey Sampling, 1992, ch. 6), as used for counts in image
collections by Perez, Maji and Sheldon, DISCount (AAAI 2024), with the machine's count as control variate.
Half of the draws are uniform, so that no date's weight runs away (Hesterberg, Technometrics 37, 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from imagery.errors import InputError

LEAST = 5
"""Draws below which no interval is given: the spread of fewer says too little."""


@dataclass(frozen=True)
class Corrected:
    """The mean of a series, or of some of its dates, as the checked dates correct it."""

    dates: int
    """Over how many dates it is the mean."""
    machine: float
    """Mean of the machine's values."""
    value: float
    """Corrected mean; unbiased, so with few draws it may fall below zero."""
    low: float
    """Lower end of its interval, never below zero; NaN from fewer than LEAST draws."""
    high: float
    """Upper end of its interval; NaN from fewer than LEAST draws."""
    draws: int
    """How many draws it rests on; a date drawn twice counts twice."""
    checked: int
    """How many of its dates a person has checked, drawn or not."""


def chances(lows: NDArray[np.float64], highs: NDArray[np.float64]) -> NDArray[np.float64]:
    """How likely each date is at each draw, (n,): half alike, half by the width of the machine's interval.

    Args:
        lows: Lower ends of the machine's intervals, (n,).
        highs: Upper ends, (n,); an end without a bound counts as the widest of the others.

    Raises:
        InputError: There is no date.
    """
    if not len(lows):
        raise InputError("no date to draw from")
    width = np.asarray(highs - lows, dtype=np.float64)
    bounded = np.isfinite(width)
    width = np.where(bounded, width, width[bounded].max(initial=1.0))
    total = width.sum()
    uniform = np.full(len(width), 1.0 / len(width))
    return 0.5 * uniform + 0.5 * (width / total if total > 0 else uniform)


def draw(chance: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Dates to be checked, in this order, (count,) indices; a date may come again."""
    return rng.choice(len(chance), size=count, p=chance)


def corrected(
    machine: NDArray[np.float64],
    checked: Mapping[int, float],
    drawn: Sequence[int],
    chance: NDArray[np.float64],
    among: NDArray[np.bool_] | None = None,
    level: float = 0.9,
) -> Corrected:
    """Correct the mean of a series by its checked dates.

    Only the draws up to the first that is not checked yet count: which dates are used must not depend on what
    was seen in them. Where every date is checked, the mean is known and no draw is needed.

    Args:
        machine: The machine's values, (n,).
        checked: What a person counted, by index of the date.
        drawn: The order from draw.
        chance: From chances, (n,).
        among: Over which dates the mean is taken, (n,); all where absent. Draws outside it still count.
        level: Nominal coverage of the interval (Student's t).

    Returns:
        The corrected mean. Without any draw checked it is the machine's own, without an interval.

    Raises:
        InputError: ``among`` holds no date.
    """
    here = np.ones(len(machine), dtype=bool) if among is None else among
    size = int(here.sum())
    if not size:
        raise InputError("no date to take the mean of")
    inside = [index for index in checked if here[index]]
    mean = float(machine[here].mean())
    if len(inside) == size:
        known = float(np.mean([checked[index] for index in inside]))
        return Corrected(size, mean, known, known, known, len(inside), size)
    used = _prefix(drawn, checked)
    terms = np.array(
        [(checked[i] - machine[i]) / chance[i] / size if here[i] else 0.0 for i in used], dtype=np.float64
    )
    n = len(terms)
    value = mean + (float(terms.mean()) if n else 0.0)
    if n < LEAST:
        return Corrected(size, mean, value, np.nan, np.nan, n, len(inside))
    half = float(student.ppf(0.5 + level / 2, n - 1) * terms.std(ddof=1) / np.sqrt(n))
    low = max(0.0, value - half)
    return Corrected(size, mean, value, low, max(low, value + half), n, len(inside))


def _prefix(drawn: Sequence[int], checked: Mapping[int, float]) -> list[int]:
    used: list[int] = []
    for index in drawn:
        if index not in checked:
            break
        used.append(int(index))
    return used
