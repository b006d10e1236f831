"""The ground of a place through a sensor's blur, prepared once and mixed anew for each date.

Reflectance is linear in the materials, so each material's share of every blurred pixel is computed once; a
date then only weighs them. Pixels are kept at half their spacing, and a date's registration is interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from imagery.synthetic.atmosphere import at_pixels
from imagery.synthetic.coarse import Array, Cells, kernel
from imagery.synthetic.eyes import Eye
from imagery.synthetic.spectra import BANDS, GREEN, GROUND, SNOW
from imagery.synthetic.terrain import Terrain, fractal

CROPS = 4
"""Parcels of growing materials fall into this many kinds, each with its own year."""
_MATERIALS = tuple(GROUND.values())
_FIELDS = 4  # smooth fields from which uneven wet and melting snow are made
# Changes from date to date, as shares of brightness (standard deviations) at a usual place.
_FIELD_CHANGE, _HARD_CHANGE = 0.08, 0.025  # of a kind of crop, and of any other material
_SMOOTH_CHANGE, _FINE_CHANGE = 0.012, 0.015  # over hundreds of metres, and over a pixel or two
_INFRARED = 3  # bands from this one on share the second texture


@dataclass(frozen=True, eq=False)
class Look:
    """State of a place's ground on one date."""

    mix: Array
    """(classes, 10) reflectance of each class, dry and without snow."""
    snow: float
    """Share of open ground under snow."""
    wet: float
    """0 dry to 1 just rained on."""
    patches: Array
    """(rows, cols) at 10 m: smooth, mean 0, variance 1: where snow melts and water dries last."""
    light: Array
    """(2, rows, cols) at 10 m: visible and infrared brightness of the date as a share of the usual."""


@dataclass(frozen=True, eq=False)
class _Blur:
    """One point spread: its bands, and what the ground is through it."""

    bands: tuple[int, ...]
    pixel_m: float
    shares: NDArray[np.float32]  # (classes, 2 rows, 2 cols) textured share of each class
    holds: NDArray[np.float32]  # (2 rows, 2 cols) share that holds snow


class Backdrop:
    """A place's ground as one sensor sees it."""

    def __init__(
        self, terrain: Terrain, reflectance: Array, eye: Eye, cell_m: float, rng: np.random.Generator
    ) -> None:
        """Prepare the blurred shares of all classes.

        Args:
            terrain: Materials and textures.
            reflectance: (materials, 10) of GROUND's materials at this place, dry and without growth.
            eye: The sensor.
            cell_m: Side of a terrain cell.
            rng: Source of the smooth fields of wet and snow.
        """
        self.eye, self.cell_m, self.shape = eye, cell_m, terrain.shape
        self._reflectance = reflectance
        crop = np.array([m.growth > 0.8 for m in _MATERIALS])[terrain.material] * (terrain.parcel % CROPS)
        kinds, index = np.unique(terrain.material.astype(np.intp) * CROPS + crop, return_inverse=True)
        self._index = index.reshape(terrain.shape)
        self._material, self.crop = kinds // CROPS, kinds % CROPS
        own = [_MATERIALS[kind] for kind in self._material]
        self.growth = np.array([material.growth for material in own])
        self._darkens = np.array([material.darkens for material in own])
        self._holds = np.array([material.holds_snow for material in own])
        rough = np.array([material.rough for material in own])[self._index]
        self._texture = np.maximum(1 + rough * terrain.texture, 0.3)
        coarse = tuple(round(side * cell_m / 10.0) for side in terrain.shape)
        self._fields = np.stack([fractal(rng, (coarse[0], coarse[1]), 1.6) for _ in range(_FIELDS)])
        self._blurs = [self._blur(*key) for key in sorted(set(zip(eye.pixel_m, eye.spread_m, strict=True)))]

    def look(
        self, lush: Sequence[float], snow: float, wet: float, restless: float, rng: np.random.Generator
    ) -> Look:
        """The ground on one date.

        Args:
            lush: (CROPS,) growth of each kind of crop, 0 to 1.
            snow: Share of open ground under snow.
            wet: 0 dry to 1 just rained on.
            restless: How much the ground and the light over it change from date to date; 1 is usual.
            rng: Source of where it is wet and what has changed.
        """
        green = np.clip(self.growth * np.asarray(lush)[self.crop], 0, 1)[:, None]
        mix = self._reflectance[self._material] * (1 - green) + GREEN * green
        worked = np.where(self.growth > 0.8, _FIELD_CHANGE, _HARD_CHANGE)[:, None] * restless
        tilt = rng.normal(0, 0.5, (len(mix), 1)) * np.linspace(-1, 1, len(BANDS))
        mix = mix * np.exp(worked * (rng.normal(0, 1, (len(mix), 1)) + tilt))
        smooth = self._field(rng)
        light = np.stack(
            [
                _SMOOTH_CHANGE * (smooth + 0.5 * self._field(rng)) + _FINE_CHANGE * self._fine(rng)
                for _ in range(2)
            ]
        )
        return Look(mix, snow, wet, self._field(rng), np.exp(restless * light))

    def _field(self, rng: np.random.Generator) -> Array:
        """A smooth field (rows, cols) at 10 m, mean 0, variance 1."""
        weights = rng.normal(0, 1, _FIELDS)
        field = np.tensordot(weights / np.hypot.reduce(weights), self._fields, 1)
        roll = tuple(int(rng.integers(side)) for side in field.shape)
        return np.asarray(np.roll(field, roll, axis=(0, 1)))

    def _fine(self, rng: np.random.Generator) -> Array:
        """A rough field (rows, cols) at 10 m, alike over some pixels, mean 0, variance about 1."""
        rough = rng.standard_normal(self._fields.shape[1:])
        near = sum(np.roll(rough, move, axis=axis) for move, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)))
        return np.asarray(0.8 * rough + 0.3 * near)

    def cells(self, look: Look, at: NDArray[np.intp]) -> Array:
        """Reflectance (bands, n) in full sun of single cells, by flat index."""
        kind = self._index.reshape(-1)[at]
        row, col = (part * self.cell_m for part in np.divmod(at, self.shape[1]))
        snow, wet = (
            field if isinstance(field, float) else _nearest(field, row / 10.0, col / 10.0)
            for field in _uneven(look)
        )
        dry = (1 - self._darkens[kind] * wet) * (1 - self._holds[kind] * snow)
        texture = self._texture.reshape(2, -1)[:, at]
        white = self._holds[kind] * snow
        return np.stack(
            [
                look.mix[kind, band] * dry * texture[int(band >= _INFRARED)] + SNOW[band] * white
                for band in self.eye.stands_for
            ]
        )

    def seen(self, look: Look, shifts_m: Array, cells: Cells | None, sky: Array) -> dict[str, Array]:
        """Each band on its own pixels (rows, cols), under the names of spectra.BANDS.

        Args:
            look: State of the ground.
            shifts_m: (bands, 2) how far east and south each band's picture lies.
            cells: What things cover and shade, with tops in the sensor's bands; None where nothing stands.
            sky: (bands,) light in full shadow as a share of full sun.
        """
        change = None if cells is None else cells.contrast(self.cells(look, cells.at), sky)
        result = {}
        for blur in self._blurs:
            ground = self._mixed(blur, look)
            for plane, band in zip(ground, blur.bands, strict=True):
                shift = shifts_m[band]
                picture = _sampled(plane, shift / (blur.pixel_m / 2))
                if change is not None and cells is not None:
                    picture = picture + self._spread(change[band], cells.at, band, shift)
                place = self.eye.stands_for[band]
                light = look.light[int(place >= _INFRARED)]
                result[BANDS[place]] = picture * at_pixels(light, picture.shape)
        return result

    def _spread(self, change: Array, at: NDArray[np.intp], band: int, shift: Array) -> Array:
        """A change of single cells as the sensor sees it."""
        pixel, blur = self.eye.pixel_m[band], self.eye.spread_m[band]
        sparse = csr_array((change, np.divmod(at, self.shape[1])), shape=self.shape)
        down = kernel(self.shape[0], self.cell_m, pixel, blur, float(shift[1]))
        across = kernel(self.shape[1], self.cell_m, pixel, blur, float(shift[0]))
        return np.asarray((down @ sparse @ across.T).toarray())

    def _mixed(self, blur: _Blur, look: Look) -> Array:
        """The ground (bands, 2 rows, 2 cols) through one point spread."""
        snow, wet = _uneven(look)
        mix = look.mix[:, [self.eye.stands_for[band] for band in blur.bands]]
        plain = _weighed(mix * (1 - self._darkens[:, None] * (wet if isinstance(wet, float) else 0.0)), blur)
        shape = plain.shape[1:]
        if not isinstance(wet, float):
            return plain - at_pixels(wet, shape) * _weighed(mix * self._darkens[:, None], blur)
        if isinstance(snow, float):
            return plain
        cover = at_pixels(snow, shape)
        bare = mix * (1 - self._darkens[:, None] * wet) * self._holds[:, None]
        white = np.array([SNOW[self.eye.stands_for[band]] for band in blur.bands])
        return plain - cover * _weighed(bare, blur) + white[:, None, None] * cover * blur.holds

    def _blur(self, pixel_m: float, spread_m: float) -> _Blur:
        bands = tuple(
            i
            for i, key in enumerate(zip(self.eye.pixel_m, self.eye.spread_m, strict=True))
            if key == (pixel_m, spread_m)
        )
        down, across = (kernel(n, self.cell_m, pixel_m, spread_m, 0.0, pixel_m / 2) for n in self.shape)
        texture = self._texture[int(self.eye.stands_for[bands[0]] >= _INFRARED)]

        def through(plane: Array) -> NDArray[np.float32]:
            return np.ascontiguousarray((across @ (down @ plane).T).T, dtype=np.float32)

        kinds = range(len(self._material))
        shares = np.stack([through(np.where(self._index == kind, texture, 0.0)) for kind in kinds])
        return _Blur(bands, pixel_m, shares, through(self._holds[self._index]))


def _uneven(look: Look) -> tuple[Array | float, Array | float]:
    """Snow and wet as fields at 10 m, or as numbers where they are even; snow lies on evenly wet ground."""
    if look.snow > 0:
        return np.clip(look.snow + 0.45 * (1 - look.snow) * look.patches, 0, 1), look.wet
    if look.wet > 0:
        return 0.0, np.clip(look.wet * (1 + 0.6 * look.patches), 0, 1)
    return 0.0, 0.0


def _weighed(mix: Array, blur: _Blur) -> Array:
    flat = mix.T.astype(np.float32) @ blur.shares.reshape(len(mix), -1)
    return np.asarray(flat.reshape(-1, *blur.shares.shape[1:]), dtype=np.float64)


def _nearest(plane: Array, row: Array, col: Array) -> Array:
    rows, cols = plane.shape
    near = np.minimum(row.astype(np.intp), rows - 1), np.minimum(col.astype(np.intp), cols - 1)
    return np.asarray(plane[near])


def _sampled(plane: Array, shift: Array) -> Array:
    """Every second value of a plane moved by ``shift`` of its own steps (east, south); cubic convolution."""
    for axis, move in ((0, shift[1]), (1, shift[0])):
        count = plane.shape[axis] // 2
        first = 0.5 - move  # of pixel 0's centre, in steps
        base = int(np.floor(first))
        tap = np.clip(base - 1 + 2 * np.arange(count)[:, None] + np.arange(4), 0, plane.shape[axis] - 1)
        parts = [w * np.take(plane, tap[:, k], axis=axis) for k, w in enumerate(_cubic(first - base))]
        plane = np.asarray(parts[0] + parts[1] + parts[2] + parts[3])
    return plane


def _cubic(part: float) -> tuple[float, float, float, float]:
    """Weights of the four neighbours (Keys, 1981, a = -0.5)."""
    t = part
    return (
        -0.5 * t**3 + t**2 - 0.5 * t,
        1.5 * t**3 - 2.5 * t**2 + 1,
        -1.5 * t**3 + 2 * t**2 + 0.5 * t,
        0.5 * t**3 - 0.5 * t**2,
    )
