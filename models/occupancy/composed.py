"""An image composed of an empty yard and the trains on it: what is assumed of them, and what is left over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from imagery.grid import ground_gsd
from imagery.tiles import Tile
from models.occupancy.bare import light
from models.occupancy.footprint import footprint_of
from models.occupancy.residual import half_sample_mode

Floats = NDArray[np.float64]

MISFIT = 0.15
"""Share of a train's own signal that may be wrong: blur, width and position are known no better."""
MOST_SHARED = 0.06
"""Share of its brightness by which an empty yard may differ as a whole from its usual look."""
DIFFUSE = {"blue": 0.40, "green": 0.33, "red": 0.27, "nir": 0.20}
"""Light in full shadow as a share of full sun: the bluer, the more of it comes from the sky."""
FIELD_M = (40.0, 25.0)
"""Smoothness of what differs all over the yard: with other dates, and from the image alone."""
_NOISE = 0.002
_QUARTILE = 0.3186  # of the absolute value of a standard normal variable
_INFLATED = 1.3  # variance lost by taking calm pixels alone
_FREE = 0.08  # a pixel is free where trains and shadows cover less of it
_FREE_ENOUGH = 0.4  # of the yard, to take its noise from it
_SHIFT_PX = 0.3  # what registration leaves, one standard deviation
_MOST_SHIFT_PX = 0.7


@dataclass(frozen=True, eq=False)
class Picture:
    """An image and what it would show if the yard were empty."""

    tile: Tile
    """For its grid and the sun."""
    roles: tuple[str, ...]
    """(bands,) blue, green, red, nir."""
    pixels: Floats
    """(bands, rows, cols) reflectance."""
    bare: Floats
    """(bands, rows, cols) the same without trains, NaN where it is not known."""
    good: NDArray[np.bool_]
    """(rows, cols) which pixels can be believed."""
    off_yard: NDArray[np.bool_]
    """(rows, cols) pixels where no train stands."""
    alone: bool
    """No other date was there to tell the bare look."""


class Composed:
    """A picture as bare ground, a smooth field and what stands on tracks; it changes as trains are found."""

    def __init__(self, view: Picture, lines: Sequence[Floats]) -> None:
        self.view, self.given = view, list(lines)
        self.moved_px = np.zeros(2)
        """How far the tracks were moved onto what was found along them."""
        self._lay()
        cells, bands = len(self.footprint.track), len(view.roles)
        self.filled = np.zeros(cells)
        """(cells,) 1 where a wagon stands."""
        self.contrast = np.zeros((cells, bands))
        """(cells, bands) its top minus the bare track, in reflectance."""
        self.height = np.full(cells, -1)
        """(cells,) index of its height; -1 without a shadow."""
        self.field = self._first_field()
        """(bands, pixels) what differs smoothly from the bare look."""
        # A full yard is restless, and so are fields: the calmer of both shows the noise.
        # Pixels that are not known hold zeros: they are no calm ground.
        here = (self.residual - self.field)[:, self.known > 0]
        seen = [here] if view.alone else [here, self._off_yard(here)]
        self.whiten = max((_whitening(rest) for rest in seen), key=np.linalg.det)
        """(bands, bands) makes noise equal and independent."""

    def _lay(self) -> None:
        view = self.view
        self.footprint = footprint_of(view.tile, [line + self.moved_px for line in self.given])
        at = self.footprint.pixels
        here, bare = (part.reshape(len(part), -1)[:, at] for part in (view.pixels, view.bare))
        known = view.good.reshape(-1)[at] & np.isfinite(here).all(axis=0) & np.isfinite(bare).all(axis=0)
        self.known = known.astype(np.float64)
        self.bare = np.where(known, bare, np.nanmedian(bare, axis=1, keepdims=True))
        self.residual = np.where(known, here - self.bare, 0.0)
        self.on_track = np.asarray(self.footprint.tops.sum(axis=1)) > 0.25
        dark = 1 - np.array([DIFFUSE[role] for role in view.roles])
        self.dark = dark[:, None] * self.bare

    def _first_field(self) -> Floats:
        """Wet ballast or haze: what most of the yard shares, some percent of its brightness."""
        field = np.zeros_like(self.residual)
        core = self.on_track & (self.known > 0)
        if self.view.alone or core.sum() < 50:
            return field
        for band, bare in enumerate(self.bare):
            rest = self.residual[band, core] / np.maximum(bare[core], 0.01)
            mode = half_sample_mode(rest)
            # What lies about the mode is most likely empty track: its light is fitted on its own.
            usual = np.abs(rest - mode) <= np.quantile(np.abs(rest - mode), 0.5)
            there, more = bare[core][usual], self.residual[band, core][usual]
            gain = float(np.clip(light(there, there + more)[0], 0.85, 1.15))
            shared = (gain - 1) * bare + np.median(more + (1 - gain) * there)
            field[band] = np.clip(shared, -MOST_SHARED * bare, MOST_SHARED * bare)
        return field

    def predicted(self, without: int | None = None) -> tuple[Floats, Floats, Floats]:
        """What trains change of each pixel (bands, pixels), and how much of it tops and shadows cover."""
        filled = self.filled.copy()
        if without is not None:
            filled[self.footprint.cells(without)] = 0.0
        covered = self.footprint.tops @ filled
        tops = (self.footprint.tops @ (filled[:, None] * self.contrast)).T
        shaded = np.zeros_like(covered)
        for height, shades in enumerate(self.footprint.shades):
            shaded += shades @ (filled * (self.height == height))
        # A shadow that falls on another wagon does not reach its top.
        shaded = np.minimum(shaded, np.clip(1 - covered, 0, 1))
        return tops - self.dark * shaded, covered, shaded

    def misfit(self, weight: Floats) -> float:
        """What is left, in nats."""
        rest = self.residual - self.field - self.predicted()[0]
        return float(0.5 * (((self.whiten @ rest) ** 2).sum(axis=0) * weight).sum())

    def weight(self, change: Floats) -> Floats:
        """How far each pixel is believed (pixels,) where trains change it so much (bands, pixels)."""
        return np.asarray(self.known / (1 + MISFIT**2 * ((self.whiten @ change) ** 2).sum(axis=0)))

    def _off_yard(self, here: Floats) -> Floats:
        """What other dates do not tell of ground where no train stands (bands, pixels), else of the yard."""
        rest = (self.view.pixels - self.view.bare)[:, self.view.off_yard & self.view.good]
        rest = rest[:, np.isfinite(rest).all(axis=0)]
        return np.asarray(rest if rest.shape[1] > 200 else here)

    def update_field(self) -> None:
        """What differs smoothly all over the yard, from pixels that no train reaches; and the noise."""
        change, covered, shaded = self.predicted()
        rest = self.residual - change
        free = (covered + shaded < _FREE) & (self.known > 0)
        if free.sum() < 50:
            return
        if free.mean() > _FREE_ENOUGH:
            self.whiten = _whitening((rest - self.field)[:, free])
        away = np.sqrt(((self.whiten @ (rest - self.field)) ** 2).mean(axis=0))
        free &= away < 4
        sigma = FIELD_M[self.view.alone] / ground_gsd(self.view.tile.grid)
        weight = self._smooth(free.astype(np.float64), sigma)
        for band, plane in enumerate(rest):
            self.field[band] = self._smooth(plane * free, sigma) / (weight + 0.01 * weight.max())

    def _smooth(self, values: Floats, sigma: float) -> Floats:
        image = np.zeros(self.view.good.size)
        image[self.footprint.pixels] = values
        smooth = gaussian_filter(image.reshape(self.view.good.shape), sigma, truncate=3.0)
        return np.asarray(smooth.reshape(-1)[self.footprint.pixels])

    def reposition(self) -> None:
        """Move all tracks onto what was found along them: registration leaves some tenths of a pixel."""
        change, _, _ = self.predicted()
        image = np.zeros((len(change), self.view.good.size))
        image[:, self.footprint.pixels] = change
        image = image.reshape(len(change), *self.view.good.shape)
        slopes = []
        for axis in (2, 1):
            slope = -np.asarray(np.gradient(image, axis=axis)).reshape(len(change), -1)[
                :, self.footprint.pixels
            ]
            slopes.append((self.whiten @ (slope * self.known)).ravel())
        design = np.stack(slopes, axis=1)
        rest = (self.whiten @ ((self.residual - self.field - change) * self.known)).ravel()
        # Errors of neighbouring pixels are alike: a quarter of them count.
        normal = design.T @ design / 4 + np.eye(2) / _SHIFT_PX**2
        step = np.linalg.solve(normal, design.T @ rest / 4 - self.moved_px / _SHIFT_PX**2)
        moved = np.clip(self.moved_px + np.clip(step, -0.4, 0.4), -_MOST_SHIFT_PX, _MOST_SHIFT_PX)
        if np.abs(moved - self.moved_px).max() < 0.03:
            return
        field = np.zeros((len(change), self.view.good.size))
        field[:, self.footprint.pixels] = self.field
        self.moved_px = moved
        self._lay()
        self.field = field[:, self.footprint.pixels]


def _whitening(rest: Floats) -> Floats:
    """Makes the noise of what is left (bands, pixels) equal and independent, (bands, bands).

    It is taken where it is calm; trains and fields that changed are not.
    """
    away = np.abs(rest - np.median(rest, axis=1, keepdims=True))
    scale = np.quantile(away, 0.25, axis=1, keepdims=True) / _QUARTILE
    calm = rest[:, (away <= 3 * scale).all(axis=0)]
    covariance = np.cov(calm) * _INFLATED + _NOISE**2 * np.eye(len(rest))
    whiten: Floats = np.linalg.cholesky(np.linalg.inv(covariance)).T
    return whiten
