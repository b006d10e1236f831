"""Ships at a berth: long things that are not water, on the water beside the berth or inside its outline.

Water is the smooth surface that most of the surroundings of a berth consist of. What stands out from it in
brightness or colour, is long and narrow, and lies within REACH_M of the berth is a ship. Nothing is told
where no water is found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.visibility import within
from models.goods.view import Mask, disc
from models.measurement import Measurement, Skip

METHOD = "hull"
REACH_M = 40.0
"""A ship lies this near to its berth: the beam of a large one."""
LEAST_LENGTH_M = 25.0
"""Smaller boats are left alone."""
LEAST_BEAM_M = 5.0
"""Narrower strips are quay, not hull."""
LEAST_SLENDER = 2.2
"""Length over beam: ships have 3 to 8, lighters 2.5."""
LEAST_FILLED = 0.65
"""Share of its rectangle that a hull fills."""
LEAST_WATER = 0.2
"""Share of the surroundings of a berth that must be water."""
MOST_ROUGH = 0.09
"""Scatter of the logarithm of brightness of water: smoother than ground, glint apart."""
LENGTH_M, LENGTH_SHARE = 1.5, 0.035
"""Standard deviation of a length beyond its pixels, in metres and as a share of it: bow, lean and lit side of
a hull. Set on painted ships."""
MOST_CUT = 0.15
"""Share of an outline that may lie on the rim of the surroundings: quays go on beyond it."""
MOST_BEAM_M = 34.0
"""A ship that lies against something wider is cut off where that is wider than this."""
CORNER_M = 6.0
"""And this much further: corners of a quay are not ship."""
_APART, _SCATTERS = (0.08, 0.25), 5.0  # log ratio to water from which on a pixel is none


@dataclass(frozen=True)
class Vessel:
    """A ship."""

    outline: shapely.Polygon
    """Smallest rectangle around it, in pixels of the picture."""
    length_m: float
    """Over all."""
    beam_m: float
    """Its width."""


@dataclass(frozen=True)
class Berth:
    """A berth whose water is seen."""

    pier: bool
    """Its outline holds ground; else it is a basin."""
    vessels: tuple[Vessel, ...]
    """The ships beside it or in it, longest first."""


def berth_of(image: NDArray[np.uint8], seen: Mask, ring: NDArray[np.float64], px_m: float) -> Berth | Skip:
    """Look at one berth.

    Args:
        image: (rows, cols, 3) red, green, blue.
        seen: (rows, cols) pixels that can be believed and belong to no other berth.
        ring: (n, 2) its outline in pixels.
        px_m: Size of a pixel.

    Returns:
        Its ships, or why none can be told (``no-water``).
    """
    inside = within(seen.shape, ring)
    off = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    zone = (off <= REACH_M / px_m) & seen
    logs = np.log(cv2.GaussianBlur(image, (0, 0), max(0.6, 0.4 / px_m)).astype(np.float32) + 4)
    water = _water(logs, zone, px_m)
    if isinstance(water, Skip):
        return water
    pier = bool((water & inside).sum() < 0.5 * inside.sum())
    other = zone & ~water & ~(inside & pier)
    rim = cv2.morphologyEx(zone.astype(np.uint8), cv2.MORPH_GRADIENT, disc(1)) > 0
    found = _ships(other.astype(np.uint8), rim, px_m)
    return Berth(pier, tuple(sorted(found, key=lambda vessel: -vessel.length_m)))


def _ships(other: NDArray[np.uint8], rim: Mask, px_m: float) -> list[Vessel]:
    """What is no water and has the shape of a ship, by itself or once it is cut off from a quay."""
    ships, rest = [], np.zeros_like(other)
    for contour in _contours(other, px_m):
        if (ship := _vessel(contour, rim, px_m)) is not None:
            ships.append(ship)
        else:
            cv2.drawContours(rest, [contour], -1, 1, cv2.FILLED)
    rest &= other
    wide = cv2.morphologyEx(rest, cv2.MORPH_OPEN, disc(MOST_BEAM_M / 2 / px_m))
    rest[cv2.dilate(wide, disc(CORNER_M / px_m)) > 0] = 0
    found = (_vessel(contour, rim, px_m) for contour in _contours(rest, px_m))
    return ships + [ship for ship in found if ship is not None]


def _contours(mask: NDArray[np.uint8], px_m: float) -> list[NDArray[Any]]:
    """Outlines of what is left of a mask when strips narrower than a hull are gone."""
    clean = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc(LEAST_BEAM_M / 2 / px_m))
    return list(cv2.findContours(clean, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0])


def _water(logs: NDArray[np.float32], zone: Mask, px_m: float) -> Mask | Skip:
    """Pixels that look like the water of the zone, shaded water with them."""
    light = logs.mean(axis=2)
    side = max(3, 2 * round(2.0 / px_m) + 1)
    mean = cv2.blur(light, (side, side))
    rough = np.sqrt(np.maximum(cv2.blur(light * light, (side, side)) - mean * mean, 0))
    smooth = zone & (rough < MOST_ROUGH)
    if not smooth.any():
        return Skip("no-water", "nothing smooth lies beside the berth")
    counts, edges = np.histogram(mean[smooth], 40)
    spread = np.convolve(counts, np.ones(3), "same")
    # Quays are paler than water: the darkest surface of some size is the water.
    large = np.flatnonzero(spread > LEAST_WATER * zone.sum())
    if not large.size:
        return Skip("no-water", "no surface beside the berth is large and smooth enough to be water")
    peak = int(large[0])
    middle = (edges[peak] + edges[peak + 1]) / 2
    colour = np.median(logs[smooth & (np.abs(mean - middle) < 0.1)], axis=0)
    apart = logs - colour
    brighter = apart.mean(axis=2)
    hue = np.linalg.norm(apart - brighter[..., None], axis=2)
    like = smooth & (np.abs(mean - middle) < 0.1)
    # As far apart as the water itself scatters, within reason; darker water lies in a shadow.
    light_from = _threshold(1.48 * float(np.median(np.abs(brighter[like]))))
    hue_from = _threshold(0.85 * float(np.median(hue[like])))  # a Rayleigh median is 1.18 sigma
    alike = (brighter < light_from) & (hue < hue_from)
    return np.asarray(zone & alike, dtype=bool)


def _threshold(scatter: float) -> float:
    return float(np.clip(_SCATTERS * scatter, *_APART))


def _vessel(contour: NDArray[Any], rim: Mask, px_m: float) -> Vessel | None:
    """A contour as a ship, if its shape is that of one and it does not run on beyond the surroundings."""
    if rim[contour[:, 0, 1], contour[:, 0, 0]].mean() >= MOST_CUT:
        return None
    centre, size, angle = cv2.minAreaRect(contour.astype(np.float32))
    length, beam = (max(size) + 1) * px_m, (min(size) + 1) * px_m
    filled = cv2.contourArea(contour) * px_m**2 / (length * beam)
    if (
        length < LEAST_LENGTH_M
        or beam < LEAST_BEAM_M
        or length < LEAST_SLENDER * beam
        or filled < LEAST_FILLED
    ):
        return None
    corners = cv2.boxPoints((centre, (size[0] + 1, size[1] + 1), angle)) + 0.5
    return Vessel(shapely.Polygon(corners), length, beam)


def measured(
    found: Sequence[Vessel], px_m: float, level: float, visible_share: float
) -> tuple[Measurement, ...]:
    """How many ships lie there, and how long the longest is; no length where none is found.

    On painted pictures no ship was invented, but many were missed (docs/goods.md): one more than are found
    may lie there, and not finding one says little.
    """
    count = float(len(found))
    ships = Measurement("vessels", count, count, count + 1, level, "ships", METHOD, visible_share)
    if not found:
        return (ships,)
    longest = max(vessel.length_m for vessel in found)
    spread = NormalDist().inv_cdf((1 + level) / 2) * math.hypot(LENGTH_M, px_m, LENGTH_SHARE * longest)
    ends = max(longest - spread, 0.0), longest + spread
    length = Measurement("vessel_length_m", longest, *ends, level, "m", METHOD, visible_share)
    return ships, length
