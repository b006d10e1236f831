"""Lines of a map put back onto the image: they lie a metre or two off, or beside the rails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from models.axes.line import Axis
from models.axes.strips import ALONG_M, Frame

Floats = NDArray[np.float64]


def smooth_shift(shift_m: Floats, weight: Floats, bend_m: float = 60.0, hold: float = 0.02) -> Floats:
    """The smooth curve through uncertain sideways shifts.

    Minimises sum(weight (s - shift)^2) + hold sum(s^2) + stiffness sum(second differences^2): where nothing
    is seen the curve goes on from what is seen and slowly returns to the line as it was given.

    Args:
        shift_m: (n,) metres across at each column of a strip.
        weight: (n,) 0 to 1, how surely each is seen.
        bend_m: Features of the curve shorter than about this length are smoothed away.
        hold: Weight of staying on the given line, relative to one sure column in a thousand.

    Returns:
        (n,) metres.
    """
    n = len(shift_m)
    if n < 3 or not weight.any():
        return np.zeros(n)
    stiffness = (bend_m / ALONG_M / (2 * np.pi)) ** 4
    bands = np.zeros((3, n))
    bands[2] = weight + hold * 1e-3
    second = np.array([1.0, -2.0, 1.0])
    for i in range(3):
        for j in range(i, 3):
            bands[2 - (j - i), j : n - 2 + j] += stiffness * second[i] * second[j]
    smooth: Floats = solveh_banded(bands, weight * shift_m)
    return smooth


def recentre(frame: Frame, shift_m: Floats, weight: Floats, furthest_m: float = 2.5) -> Axis:
    """Move an axis sideways onto what was seen along it.

    Args:
        frame: Cross-sections of the given line.
        shift_m: (n,) metres across at which wagons were seen to stand.
        weight: (n,) 0 to 1, how surely.
        furthest_m: It is never moved further: the next track lies 4 to 5 m away.

    Returns:
        The moved axis. Its confidence is the share of the columns with something on them that agree with
        the curve to within half a metre; 0.5, not knowing, where nothing stands on the track.
    """
    smooth = np.clip(smooth_shift(shift_m, weight), -furthest_m, furthest_m)
    seen = float(weight.sum())
    agree = float((weight * (np.abs(shift_m - smooth) < 0.5)).sum())
    confidence = (agree + 5.0) / (seen + 10.0)
    return Axis(frame.shifted(smooth), min(1.0, confidence), "recentred")
