"""Whether single wagons can be counted in an image at all, from its pixels and from how it was taken.

What lies out of reach is skipped with the reason: a count from a blurred or dark picture looks like any
other. Each limit was set on painted pictures and on real ground that may be trained on; docs/reach.md gives
the figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft2

from imagery.reader import Raster
from imagery.scenes import Scene
from imagery.tiles import ROI
from models.axes.line import Line, length, resample
from models.measurement import Skip
from models.wagons.picture import Picture

WINDOW_M = 128.0
"""Side of a window that is looked at."""
WINDOWS = 16
"""Most windows that are looked at, whatever the size of the image."""
LEAST_WINDOW_PX = 48
"""A smaller picture does not say how sharp it is."""
WORKING_M = 0.5
"""Finer pixels are averaged to this: the details asked about are larger."""

FINE_M, BROAD_M = (2.6, 4.0), (7.0, 15.0)
"""Wavelengths of details: 1.3 to 2 m wide, as a wagon's ends and sides are, and 3.5 to 7.5 m wide."""
LEAST_FINE_DB = -24.0
"""Power of fine details over that of broad ones. Sharp pictures have about -13."""
LEAST_FINE_ONE_WAY_DB = -30.0
"""Fine details in the worst of eight directions over broad ones in all: motion blurs one way only."""
COARSEST_M = 1.8
"""Coarsest true pixels of a picture whose pixels were repeated: one and a half of 1.2 m."""
LEAST_BRIGHT = 20.0
"""A picture whose brighter quarter lies below this grey level of 255 is a night picture."""
LEAST_CONTRAST = 6.0
"""Grey levels of 255 between the darkest and the brightest twentieth."""
LEAST_SIGNAL = 4.0
"""The same contrast in standard deviations of noise."""
MOST_WHITE = 0.7
"""Share of colourless pixels nearly as bright as the brightest."""
SNOW_MEDIAN = 0.925
"""Half of a picture under snow is at least so bright, as a share of its brightest; of pale ground seldom."""
MOST_OFF_NADIR_DEG = 35.0
"""The painter leans walls as seen from up to 24 degrees off nadir; further than this nothing is known."""
LEAST_SUN_DEG = 10.0
"""The lowest sun that is painted."""

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """What the windows of a picture show."""

    fine_db: float
    """Power of details of FINE_M over that of BROAD_M in decibels, of the sharper windows."""
    one_way_db: float
    """The same in the worst direction."""
    pixel_m: float
    """Size of the pixels that really differ: the GSD unless pixels were repeated."""
    bright: float
    """Grey level of 255 that three quarters of the pixels do not reach."""
    contrast: float
    """Grey levels between the darkest and the brightest twentieth of the pixels, of the richer windows."""
    noise: float
    """Standard deviation of the noise in grey levels."""
    white: float
    """Share of pixels that are colourless and nearly as bright as the brightest, of the median window."""
    median: float
    """Median brightness over that of the brightest pixels, of the median window."""


def reach(view: Raster, tracks: Sequence[Line] = ()) -> Skip | None:
    """Why single wagons cannot be counted in this image, or None where they can.

    Args:
        view: An opened image with pixels square on the ground, at 1.2 m or finer.
        tracks: Track axes in its pixels, (n, 2) each: what lies along them decides, else the whole frame.

    Returns:
        ``off-nadir``, ``low-sun``, ``night``, ``haze``, ``snow`` or ``blurred`` with the value, the limit and
        what would help; None where the image is in reach, or too small to tell.
    """
    return _taken(view.scene) or judge(look(view, tracks))


def look(view: Raster, tracks: Sequence[Line] = ()) -> Look | None:
    """Measure the windows of an image; None where none holds enough pixels with data."""
    picture = Picture(view)
    figures = [
        figure
        for roi in _windows(picture, tracks)
        if (figure := _measure(*picture.window(roi), picture.gsd_m)) is not None
    ]
    if not figures:
        return None
    table = np.array(figures)
    # A window of water or forest has no sharp edges: the upper quarter of windows speaks for the picture.
    upper = [float(np.quantile(table[:, i], 0.75)) for i in (0, 1, 4)]
    pixel, bright, noise, white, median = (float(np.median(table[:, i])) for i in (2, 3, 5, 6, 7))
    return Look(upper[0], upper[1], pixel, bright, upper[2], noise, white, median)


def judge(seen: Look | None) -> Skip | None:
    """The first reason for which what was seen is out of reach."""
    if seen is None:
        return None
    signal = seen.contrast / max(seen.noise, 0.25)
    if seen.bright < LEAST_BRIGHT:
        detail = f"three quarters of the pixels lie below {seen.bright:.0f} of 255 (limit {LEAST_BRIGHT:.0f})"
        return Skip("night", f"{detail}: use a picture taken by day")
    if seen.contrast < LEAST_CONTRAST or signal < LEAST_SIGNAL:
        detail = (
            f"contrast of {seen.contrast:.0f} grey levels is {signal:.1f} times the noise "
            f"(limits {LEAST_CONTRAST:.0f} and {LEAST_SIGNAL:.0f})"
        )
        return Skip("haze", f"{detail}: haze, cloud or too little light; use a clear day")
    if seen.white > MOST_WHITE and seen.median > SNOW_MEDIAN:
        detail = f"{seen.white:.0%} of the ground is white (limit {MOST_WHITE:.0%})"
        return Skip("snow", f"{detail}: roofs under snow look like it; use a date without snow")
    return _blurred(seen)


def _blurred(seen: Look) -> Skip | None:
    remedy = "use the original pixels; if they are coarse, occupied length can be read from them"
    if seen.pixel_m > COARSEST_M:
        detail = f"pixels repeat each other: they show {seen.pixel_m:.1f} m (limit {COARSEST_M:.1f} m)"
        return Skip("blurred", f"{detail}; {remedy}")
    if seen.fine_db < LEAST_FINE_DB:
        detail = (
            f"details of 1.3 to 2 m are {-seen.fine_db:.0f} dB fainter than those of 3.5 to 7.5 m "
            f"(limit {-LEAST_FINE_DB:.0f}): resampled from coarser pixels, or out of focus"
        )
        return Skip("blurred", f"{detail}; {remedy}")
    if seen.one_way_db < LEAST_FINE_ONE_WAY_DB:
        detail = (
            f"details of 1.3 to 2 m are {-seen.one_way_db:.0f} dB fainter in one direction than those "
            f"of 3.5 to 7.5 m (limit {-LEAST_FINE_ONE_WAY_DB:.0f}): the camera moved"
        )
        return Skip("blurred", f"{detail}; {remedy}")
    return None


def _taken(scene: Scene) -> Skip | None:
    """What the scene's own angles say."""
    angle, sun = scene.off_nadir_deg, scene.sun_elevation_deg
    if angle is not None and abs(angle) > MOST_OFF_NADIR_DEG:
        detail = f"seen from {abs(angle):.0f} degrees off nadir (limit {MOST_OFF_NADIR_DEG:.0f})"
        return Skip("off-nadir", f"{detail}: wagons hide each other; use a steeper view")
    if sun is not None and sun < LEAST_SUN_DEG:
        detail = f"the sun stands {sun:.0f} degrees high (limit {LEAST_SUN_DEG:.0f})"
        return Skip(
            "low-sun", f"{detail}: shadows cover the neighbouring tracks; use a picture nearer to noon"
        )
    return None


def _windows(picture: Picture, tracks: Sequence[Line]) -> list[ROI]:
    """At most WINDOWS windows, spread evenly along the tracks, or over the frame."""
    rows, cols = picture.shape
    side = min(round(WINDOW_M / picture.gsd_m), max(rows, cols))
    points = [resample(line, min(side / 2, length(line) / 2)) for line in tracks]
    centres = np.concatenate([*points, np.empty((0, 2))])
    centres = centres[((centres >= 0) & (centres <= [cols, rows])).all(axis=1)]
    if not len(centres):
        down, across = (max(1, round(n / side)) for n in (rows, cols))
        y, x = np.meshgrid(np.arange(down) + 0.5, np.arange(across) + 0.5, indexing="ij")
        centres = np.stack([x.ravel() * cols / across, y.ravel() * rows / down], axis=1)
    chosen = np.unique(np.linspace(0, len(centres) - 1, WINDOWS).round().astype(int))
    return [(_span(y, side, rows), _span(x, side, cols)) for x, y in centres[chosen]]


def _span(centre: float, side: int, size: int) -> slice:
    start = int(np.clip(round(centre - side / 2), 0, max(0, size - side)))
    return slice(start, min(start + side, size))


def _measure(
    rgb: NDArray[np.uint8], valid: NDArray[np.bool_], gsd_m: float
) -> tuple[float, float, float, float, float, float, float, float] | None:
    """The fields of a Look for one window; None where it is mostly empty or too small."""
    pixel_m = gsd_m * _repeat(rgb)
    if gsd_m < WORKING_M:
        size = tuple(max(1, round(n * gsd_m / WORKING_M)) for n in rgb.shape[1::-1])
        gsd_m *= rgb.shape[1] / size[0]
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        valid = cv2.resize(valid.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    if valid.mean() < 0.5 or min(valid.shape) < LEAST_WINDOW_PX:
        return None
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    noise = noise_of(grey, valid)
    red, green, blue = cv2.split(cv2.GaussianBlur(rgb, (0, 0), 1.0))
    most, least = (of(of(red, green), blue)[valid].astype(np.float32) for of in (np.maximum, np.minimum))
    brightness = (0.3 * red + 0.59 * green + 0.11 * blue)[valid]
    dark, middle, light, pale = np.percentile(brightness, [5, 50, 95, 97])
    coloured = (most - least) >= 0.15 * np.maximum(most, 1.0)
    white = float(((most > 0.7 * np.percentile(most, 99)) & ~coloured).mean())
    median = float(middle / max(1.0, float(pale)))
    fine, one_way = detail_db(grey, valid, gsd_m, noise)
    bright = float(np.percentile(grey[valid], 75))
    return fine, one_way, pixel_m, bright, float(light - dark), noise, white, median


def detail_db(grey: Grey, valid: NDArray[np.bool_], gsd_m: float, noise: float) -> tuple[float, float]:
    """Power of fine details over that of broad ones: of all directions, and of the worst of eight.

    Real ground loses about 13 dB from one band to the other. A blur of standard deviation s metres takes
    another 15 s^2; a picture resampled from 3 m pixels has almost nothing left in the fine band. Bands are in
    metres, so the GSD does not matter, and white noise is taken off by its known power.

    Args:
        grey: (rows, cols) brightness.
        valid: (rows, cols) False where there is no data.
        gsd_m: Metres of a pixel, at most 1.25.
        noise: Standard deviation of the noise.

    Returns:
        Two figures in decibels.
    """
    rows, cols = grey.shape
    taper = np.outer(np.hanning(rows), np.hanning(cols)).astype(np.float32)
    if not valid.all():
        inner = cv2.erode(valid.astype(np.float32), np.ones((9, 9), np.uint8))
        taper *= cv2.GaussianBlur(inner, (0, 0), 2.0) * valid
    weight = float((taper**2).sum())
    mean = float((grey * taper).sum() / max(float(taper.sum()), 1e-9))
    power = np.abs(rfft2((grey - mean) * taper)) ** 2 / max(weight, 1e-9) - noise**2
    part, share = _parts(rows, cols, gsd_m)
    number = np.bincount(part, share, 10)
    total = np.bincount(part, share * power.ravel(), 10)

    def level(which: slice) -> float:
        mean = float(total[which].sum() / max(float(number[which].sum()), 1.0))
        return 10 * math.log10(max(mean, 1e-3))

    fine, broad = slice(8), slice(8, 9)
    worst = min(level(slice(i, i + 1)) for i in range(8))
    return level(fine) - level(broad), worst - level(broad)


@lru_cache(maxsize=4)
def _parts(rows: int, cols: int, gsd_m: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which sector of the fine band each value of a half spectrum is in (8: the broad one, 9: none).

    And its weight; both are flat. Windows of one picture have few shapes.
    """
    fy, fx = np.fft.fftfreq(rows)[:, None] / gsd_m, np.fft.rfftfreq(cols)[None] / gsd_m
    frequency = np.hypot(fx, fy)
    sector = np.round((np.arctan2(fy, fx) % math.pi) / (math.pi / 8)).astype(np.intp) % 8
    fine, broad = ((frequency > 1 / high) & (frequency < 1 / low) for low, high in (FINE_M, BROAD_M))
    # All but the first column, and the last of an even width, stand for their mirror image, too.
    once = np.isin(np.arange(fx.size), (0, cols / 2))
    weights = np.broadcast_to(np.where(once, 1.0, 2.0), frequency.shape)
    return np.where(fine, sector, np.where(broad, 8, 9)).ravel(), weights.ravel()


def noise_of(grey: Grey, valid: NDArray[np.bool_], side: int = 8) -> float:
    """Standard deviation of a picture's noise, from its calmest blocks.

    The mask answers only to what differs from pixel to pixel (Immerkaer, Computer Vision and Image
    Understanding 64, 1996); the calmest tenth of the blocks is taken, so that texture does not count.
    """
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
    answer = cv2.filter2D(grey, cv2.CV_32F, mask)
    rows, cols = grey.shape[0] // side, grey.shape[1] // side

    def blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        cut = plane[: rows * side, : cols * side].reshape(rows, side, cols, side)
        return np.asarray(cut.mean(axis=(1, 3)), dtype=np.float32)

    whole = blocks(valid.astype(np.float32)) == 1
    spread = np.sqrt(blocks(np.square(answer, dtype=np.float32)))[whole]
    return float(np.percentile(spread, 10)) if spread.size else 0.0


def _repeat(rgb: NDArray[np.uint8]) -> float:
    """How many neighbouring columns and rows show the same pixel again: 1 for a picture as it was taken."""
    shares = []
    for image in (rgb, rgb.transpose(1, 0, 2)):
        lines = np.ascontiguousarray(image)
        varied = (lines[1:] != lines[1:, :1]).any(axis=(1, 2))
        same = (lines[1:] == lines[:-1]).all(axis=(1, 2))
        shares.append(float(same[varied].mean()) if varied.any() else 0.0)
    return 1.0 / max(1.0 - min(shares), 0.02)
