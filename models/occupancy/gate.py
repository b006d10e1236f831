"""Which dates are good enough to be held against each other: rules fixed on simulated places beforehand."""

from __future__ import annotations

import numpy as np

from models.measurement import PASS
from models.occupancy.differ import Difference

LEAST_SEEN = 0.9
"""Share of the tracks that must be seen."""
MOST_SNOW = 0.05
"""Share of the ground about the tracks that may be under snow by the image's own classes."""
MOST_BRIGHT = 1.5
"""Surroundings more times as bright as usual than this are thin snow, haze or cloud."""
MOST_UNREST = 1.4
"""Surroundings more restless than this, against their own usual scatter, say little about the tracks."""
MOST_DOUBT_PX = 0.3
"""The halves of the surroundings must agree this well on where the image lies."""
LEAST_DATES = 16
"""Dates of the same season that a baseline needs to be quiet itself."""


def gate(one: Difference) -> str:
    """``pass``, or the first rule that the date breaks, with its value.

    No rule looks at how full the tracks seem to be.
    """
    if one.seen_share < LEAST_SEEN:
        return f"clouded: {one.seen_share:.0%} of the tracks seen"
    if one.snow_share > MOST_SNOW:
        return f"snow: on {one.snow_share:.0%} of the ground"
    if one.bright > MOST_BRIGHT:
        return f"bright: surroundings {one.bright:.1f} times as bright as usual"
    if one.unrest > MOST_UNREST:
        return f"unsettled: surroundings {one.unrest:.1f} times as restless as usual"
    if np.isfinite(one.doubt_px) and one.doubt_px > MOST_DOUBT_PX:
        return f"misplaced: position doubtful by {one.doubt_px:.1f} px"
    if one.dates < LEAST_DATES:
        return f"few dates: {one.dates} to compare with"
    return PASS
