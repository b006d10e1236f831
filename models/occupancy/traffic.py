"""More trains on dates that were painted: a cheap forward model, so that few paintings teach many counts.

A train changes each band of the pixels that see it by cover x (top - usual) - shade x (1 - sky) x usual,
blurred as the band is. Only what is learnt from is made so; what is calibrated and tested on is painted
whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.spectra import BANDS, Spectrum, skylight
from imagery.synthetic.tops import KNOWN, draw_top, jittered
from models.occupancy.corridor import SPREAD_PX, Rails, spread
from models.occupancy.differ import ROLES
from models.occupancy.lessons import Lessons, filled_plane

_NAMES = ("B02", "B03", "B04", "B08", "B05", "B11", "B12")  # of ROLES
_INDEX = [BANDS.index(name) for name in _NAMES]
_WIDE = tuple(name in ("B05", "B11", "B12") for name in _NAMES)
WIDE_SPREAD_PX = 1.2
"""Point spread, in 10 m pixels, of a band of 20 m pixels read between them."""
_LENGTHS_M = (13.9, 13.9, 14.6, 16.9, 19.5, 12.1, 22.6)
_CLEAR_M = 8.0

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Added:
    """What stands on each piece of the rails."""

    share: NDArray[np.bool_]
    """(pieces,) newly filled."""
    width_m: Array
    """(pieces,) of the wagon there."""
    height_m: Array
    """(pieces,)"""
    tops: Array
    """(pieces, 7) reflectance in ROLES."""
    cars: int
    """Wagons."""


Draw = Callable[[np.random.Generator], Spectrum]
"""Draws a top, (10,) reflectance."""


def wide_top(rng: np.random.Generator) -> Spectrum:
    """A known top as painted trains have it, or one far from it: what is learnt from."""
    return draw_top(rng)[1] if rng.random() < 0.5 else _far(rng, 0.5, 0.25)


def far_top(rng: np.random.Generator) -> Spectrum:
    """A top half as far again from the known materials as what is learnt from: what may come."""
    return _far(rng, 0.8, 0.4)


def _far(rng: np.random.Generator, level: float, slope: float) -> Spectrum:
    materials = list(KNOWN.values())
    return jittered(rng, materials[int(rng.integers(len(materials)))], level, slope)


def busier(
    lessons: Lessons, rng: np.random.Generator, copies: float, most: int = 100, draw: Draw = wide_top
) -> Lessons:
    """The same dates and others made of them, with up to ``most`` wagons more, drawn evenly.

    Args:
        lessons: Of one place.
        rng: Source of randomness.
        copies: New dates for each old one.
        most: Wagons that are added at most; fewer where the tracks are full.
        draw: Draws the tops of their wagons.
    """
    chosen = rng.integers(len(lessons), size=round(copies * len(lessons)))
    dates, shares, cars = list(lessons.dates), [*lessons.share], [*lessons.cars]
    truth, metres = [*lessons.truth], [*lessons.filled_m]
    for k in chosen:
        one = lessons.dates[k]
        added = _trains(lessons.rails, lessons.share[k], int(rng.integers(0, most + 1)), rng, draw)
        change = _change(lessons, int(k), added, rng)
        dates.append(replace(one, residual=one.residual + change))
        shares.append(lessons.share[k] | added.share)
        truth.append(filled_plane(lessons.rails, lessons.corridor, lessons.shape, shares[-1]))
        metres.append(float(lessons.filled_m[k] + lessons.rails.piece_m[added.share].sum()))
        cars.append(lessons.cars[k] + added.cars)
    return replace(
        lessons,
        dates=tuple(dates),
        truth=np.array(truth),
        filled_m=np.array(metres),
        cars=np.array(cars),
        group=np.concatenate([lessons.group, np.full(len(chosen), 1)]),
        share=np.array(shares),
        shadow=np.concatenate([lessons.shadow, lessons.shadow[chosen]]),
    )


def _trains(
    rails: Rails, taken: NDArray[np.bool_], cars: int, rng: np.random.Generator, draw: Draw
) -> _Added:
    """Trains on free pieces; two in five stand on the track beside the one before."""
    pieces = len(taken)
    added = _Added(np.zeros(pieces, dtype=bool), np.zeros(pieces), np.zeros(pieces), np.zeros((pieces, 7)), 0)
    ends = np.array([rails.at_m[rails.track == t].max() for t in range(rails.track.max() + 1)])
    track, left, failed = int(rng.integers(len(ends))), cars, 0
    while left > 0 and failed < 15:
        beside = rng.random() < 0.4
        step = int(rng.choice([-1, 1])) if beside else int(rng.integers(len(ends)))
        track = min(max(track + step, 0), len(ends) - 1) if beside else step
        wagons = min(left, 1 + int(rng.exponential(9)))
        length = wagons * float(rng.choice(_LENGTHS_M))
        start = rng.uniform(0, max(ends[track] - length, 1.0))
        own = rails.track == track
        near = own & (rails.at_m > start - _CLEAR_M) & (rails.at_m < start + length + _CLEAR_M)
        if length > ends[track] or (near & (taken | added.share)).any():
            failed += 1
            continue
        here = own & (rails.at_m >= start) & (rails.at_m <= start + length)
        wagon = np.minimum((rails.at_m[here] - start) / length * wagons, wagons - 1).astype(int)
        drawn = [draw(rng)[_INDEX] for _ in range(wagons if rng.random() < 0.5 else 1)]
        tops = np.array(drawn * (wagons // len(drawn))) * np.exp(rng.normal(0, 0.06, (wagons, 1)))
        added.share[here] = True
        added.width_m[here] = rng.uniform(2.6, 3.25) * (1 - 1.1 * wagons / length)  # gaps between wagons
        added.height_m[here] = rng.uniform(1.1, 1.8) if rng.random() < 0.12 else rng.uniform(2.8, 4.7)
        added.tops[here] = tops[wagon]
        left -= wagons
    return replace(added, cars=cars - left)


def _change(lessons: Lessons, date: int, added: _Added, rng: np.random.Generator) -> NDArray[np.float32]:
    """What they change of the residual, (7, height, length)."""
    rails, here = lessons.rails, added.share
    usual = np.nan_to_num(lessons.dates[date].usual)
    fall = lessons.shadow[date]
    across = np.stack([-rails.along[here, 1], rails.along[here, 0]], axis=1)
    deep = np.clip(across @ fall * added.height_m[here], -6.0, 6.0)
    aside = across * (np.sign(deep) * added.width_m[here] / 2 + deep / 2)[:, None] / np.array(rails.metres_px)
    moved = rails.xy_px[here] + rng.normal(0, 0.06, 2)
    area = float(np.prod(rails.metres_px))
    covers, shades = (
        rails.piece_m[here] * added.width_m[here] / area,
        rails.piece_m[here] * np.abs(deep) / area,
    )
    sky = skylight(float(np.degrees(np.arctan2(1.0, np.hypot(*fall)))))[_INDEX]

    def seen(xy: Array, weight: Array, wide: bool) -> Array:
        width = WIDE_SPREAD_PX if wide else SPREAD_PX * float(np.exp(sharp))
        plane = spread(xy, weight, lessons.shape, width)
        return np.nan_to_num(lessons.corridor.take(plane.astype(np.float32))).astype(np.float64)

    sharp = rng.normal(0, 0.1)
    planes = {wide: (seen(moved, covers, wide), seen(moved + aside, shades, wide)) for wide in (False, True)}
    change = np.empty((len(ROLES), *lessons.dates[date].metres.shape))
    for band, wide in enumerate(_WIDE):
        cover, shade = planes[wide]
        top = seen(moved, covers * added.tops[here, band], wide)
        change[band] = (
            top - cover * usual[band] - np.minimum(shade, 1 - cover) * (1 - sky[band]) * usual[band]
        )
    return change.astype(np.float32)
