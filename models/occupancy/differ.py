"""Every date of a place against the same season on other dates, pixel by pixel about the tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from imagery.alignment.usual import usual_of
from imagery.errors import InputError
from models.measurement import Skip
from models.occupancy.cells import WIDE_ROLES
from models.occupancy.corridor import Corridor, Rails
from models.occupancy.residual import Stack, brightness, in_common_light, nan_median, nan_spread
from models.occupancy.spectra import BALLAST
from models.occupancy.views import View

Image = NDArray[np.float32]

ROLES = tuple(WIDE_ROLES)
"""Bands of a Difference, in this order."""
LEAST_DATES = 8
"""Other dates that a baseline needs."""
LEAST_AROUND = 50
"""Pixels beside the tracks that must be seen, to judge the light by."""
LEAST_SEEN = 0.2
"""Share of the tracks that must be seen for anything to be said."""
SNOW_BRIGHTNESS = 2.0
"""Surroundings this many times as bright as usual are snow, haze or a missed cloud."""
FLOOR = 0.004
"""Reflectance below which no pixel repeats."""
_BESIDE_M = 40.0  # nearer to a track a train's light and shadow may reach
_MOST_AROUND = 1200


@dataclass(frozen=True, eq=False)
class Difference:
    """One date about the tracks, as it differs from its seasonal baseline. Not a number: not seen."""

    scene_id: str
    """The scene."""
    residual: Image
    """(7, height, length) reflectance minus the baseline's, in ROLES; NaN for bands that are missing."""
    spread: Image
    """(7, height, length) standard deviation of the baseline's dates, robust."""
    usual: Image
    """(7, height, length) the baseline: mostly empty track."""
    metres: Image
    """(height, length) metres of track in each pixel, blurred as the sensor does."""
    cover: Image
    """(height, length) share that wagons cover where all tracks are full."""
    shade: Image
    """(height, length) share that their shadows cover then."""
    total_m: float
    """Length of all tracks."""
    seen_share: float
    """Share of the tracks' metres that is seen."""
    snow_share: float
    """Share of the ground under snow by the image's own classes."""
    bright: float
    """How many times as bright as usual the surroundings are."""
    unrest: float
    """Scatter of the surroundings about their baseline, as a multiple of their usual scatter."""
    doubt_px: float
    """How surely the image lies on its place; NaN where not measured."""
    dates: int
    """Dates of the baseline."""

    def __post_init__(self) -> None:
        for array in (self.residual, self.spread, self.usual, self.metres, self.cover, self.shade):
            array.setflags(write=False)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(height, length) pixels that are seen in a band at least."""
        return np.asarray(np.isfinite(self.residual).any(axis=0))


def differences(views: Sequence[View], ordinary: NDArray[np.bool_] | None = None) -> list[Difference | Skip]:
    """Hold each date against the dates nearest to it in season, itself and its neighbours left out.

    Light is brought to that of the baseline on the surroundings only, so that no train is taken for light.

    Args:
        views: Dates of one place: of one frame, with the same bands and tracks.
        ordinary: (views,) which dates may be the baseline of others; all by default.

    Returns:
        One a view, in the order given, with the reason where there is none.
    """
    if len({(view.frame, view.bands, view.pixels.shape) for view in views}) > 1:
        raise InputError("dates of several frames or bands cannot be held against each other")
    if not views:
        return []
    rails = Rails.of(views[0].lines_px, views[0].metres_px)
    shape = views[0].pixels.shape[1], views[0].pixels.shape[2]
    corridor = Corridor.of(rails, shape)
    stack = _stack(views, corridor, _around(rails, shape))
    usable = np.isfinite(stack.around).all(axis=1).sum(axis=1) >= LEAST_AROUND
    bright = brightness(
        stack, usable, max(1, sum(band in ("blue", "green", "red") for band in views[0].bands))
    )
    usable &= bright <= SNOW_BRIGHTNESS
    if ordinary is not None:
        usable &= ordinary
    lit = in_common_light(stack, usable, bright <= SNOW_BRIGHTNESS)
    metres = corridor.take(rails.metres(shape).astype(np.float32))
    cover = corridor.take(rails.cover(shape).astype(np.float32))
    result: list[Difference | Skip] = []
    for date, view in enumerate(views):
        others = lit.others(date, usable)
        reason = _unusable(
            int(np.isfinite(stack.around[date]).all(axis=0).sum()), float(bright[date]), len(others)
        )
        if reason:
            result.append(reason)
            continue
        shade = corridor.take(rails.shade(shape, view.shadow).astype(np.float32))
        planes = [np.nan_to_num(plane) for plane in (metres, cover, shade)]
        found = _difference(view, lit, date, others, planes, float(rails.piece_m.sum()), float(bright[date]))
        low = found.seen_share < LEAST_SEEN
        text = f"{found.seen_share:.0%} of the tracks are seen; {LEAST_SEEN:.0%} are needed"
        result.append(Skip("clouded", text) if low else found)
    return result


def _unusable(around: int, bright: float, others: int) -> Skip | None:
    if around < LEAST_AROUND:
        detail = f"{around} pixels beside the tracks are seen, {LEAST_AROUND} are needed to judge the light"
        return Skip("no-surroundings", detail)
    if not np.isfinite(bright):
        return Skip(
            "no-surroundings", "the surroundings are black; check scale, offset and nodata of the images"
        )
    if bright > SNOW_BRIGHTNESS:
        return Skip(
            "snow", f"the surroundings are {bright:.1f} times as bright as usual: snow, haze or cloud"
        )
    if others < LEAST_DATES:
        detail = f"{others} other dates can be compared, {LEAST_DATES} are needed; add dates"
        return Skip("no-baseline", detail)
    return None


def _around(rails: Rails, shape: tuple[int, int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of pixels beside the tracks: fixed, evenly thinned."""
    free = rails.metres(shape) < 1e-3
    away = np.sqrt(np.prod(rails.metres_px)) * distance_transform_edt(free) >= _BESIDE_M
    rows, cols = np.nonzero(away)
    thin = slice(None, None, max(1, -(-len(rows) // _MOST_AROUND)))
    return rows[thin], cols[thin]


def _stack(
    views: Sequence[View], corridor: Corridor, around: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> Stack:
    pixels = np.stack([corridor.take(view.pixels).reshape(len(view.bands), -1) for view in views])
    beside = np.stack([view.pixels[:, *around] for view in views])
    known = beside[np.isfinite(beside)]
    # Ground has a plausible reflectance; anything else is digital numbers, scaled as if it were ballast.
    usual = float(np.median(known)) if len(known) else 0.0
    unit = 1.0 if 0.02 <= usual <= 0.6 else BALLAST / max(usual, 1e-6)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    days = np.array([(view.taken_at - epoch).days if view.taken_at else 0 for view in views], dtype=np.int64)
    return Stack((pixels * unit).astype(np.float64), (beside * unit).astype(np.float64), days)


def _difference(
    view: View,
    lit: Stack,
    date: int,
    others: NDArray[np.intp],
    planes: Sequence[Image],
    total_m: float,
    bright: float,
) -> Difference:
    metres, cover, shade = planes
    baseline = usual_of(lit.tracks[others].astype(np.float32))
    usual, spread = baseline.median, baseline.spread
    beside = nan_median(lit.around[others])
    beside_spread = nan_spread(lit.around[others], beside) + FLOOR / 2
    unrest = 1.4826 * float(np.nanmedian(np.abs((lit.around[date] - beside) / beside_spread)))
    full = np.full((3, len(ROLES), *metres.shape), np.nan, dtype=np.float32)
    where = [ROLES.index(band) for band in view.bands]
    for plane, values in zip(full, (lit.tracks[date] - usual, spread, usual), strict=True):
        plane[where] = values.reshape(len(where), *metres.shape)
    seen = np.isfinite(full[0][where]).all(axis=0)
    return Difference(
        view.scene_id,
        full[0],
        full[1],
        full[2],
        metres,
        cover,
        shade,
        total_m,
        float((metres * seen).sum() / total_m),
        view.snow_share,
        bright,
        unrest,
        view.doubt_px,
        len(others),
    )
