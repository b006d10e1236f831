"""Known trains added to a date that was photographed, or painted, without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_array

from imagery.errors import InputError
from imagery.grid import ground_steps
from imagery.scenes import Scene
from imagery.sensors import CLASS_BANDS
from imagery.synthetic.coarse import GSD_M, SPREAD_M, Array, Thing, drawn, kernel
from imagery.synthetic.eyes import PLANETSCOPE
from imagery.synthetic.spectra import BANDS, skylight
from imagery.tiles import Tile
from imagery.visibility import clouded

CELL_M = 2.0
"""Largest cell on which wagons are drawn; a pixel is at least three cells wide."""
_PLAIN: Mapping[str, tuple[int, float, float]] = MappingProxyType(
    {
        **{band: (i, GSD_M[band], SPREAD_M[band]) for i, band in enumerate(BANDS)},
        **dict(
            zip(
                PLANETSCOPE.bands,
                zip(PLANETSCOPE.stands_for, PLANETSCOPE.pixel_m, PLANETSCOPE.spread_m, strict=True),
                strict=True,
            )
        ),
    }
)  # of each band's name: index into spectra.BANDS, its sensor's pixel, and the spread of its blur


def inject(
    tile: Tile,
    wagons: Sequence[Thing],
    shift_m: tuple[float, float] = (0.0, 0.0),
    unit: float = 1.0,
    sharpness: float = 1.0,
) -> Tile:
    """Add wagons to a date by the painter's own forward model.

    In fine cells each wagon's top replaces the ground, and its shadow darkens it; the ground's brightness is
    read from the tile at that place. The change is blurred by each band's point spread and added, so that the
    pixels' own noise and errors stay. Classes and mask stay as they are, and nothing is added under pixels
    that the classes call cloud.

    Args:
        tile: Reflectance with a map position or a stated GSD; bands of Sentinel-2 or PlanetScope.
        wagons: In metres right and down from the tile's first corner, as trains.on_line gives them for a
            track in those metres. Their spectra are in spectra.BANDS.
        shift_m: How far this date's picture lies east and south of its place.
        unit: What a reflectance of one is in the tile's numbers.
        sharpness: The point spread's standard deviation is divided by this.

    Returns:
        A tile with the wagons, whose scene is marked as simulated and says what was injected; the tile itself
        where there are no wagons.

    Raises:
        InputError: A band is unknown, or the scene does not say where the sun stood.
    """
    if not wagons:
        return tile
    scene, plain = tile.scene, [band for band in tile.bands if band not in CLASS_BANDS]
    unknown = [band for band in plain if band not in _PLAIN]
    if unknown:
        raise InputError(f"{', '.join(unknown)}: no point spread is known; known are {', '.join(_PLAIN)}")
    if scene.sun_azimuth_deg is None or scene.sun_elevation_deg is None:
        raise InputError(f"scene {scene.id!r} does not say where the sun stood: no shadow can be drawn")
    gsd = tile.gsd_m
    per = max(3, round(gsd / CELL_M))
    shape = (tile.valid.shape[0] * per, tile.valid.shape[1] * per)
    sun = (scene.sun_azimuth_deg, scene.sun_elevation_deg)
    cells = drawn(wagons, sun, shape, gsd / per)
    row, col = (part // per for part in np.divmod(cells.at, shape[1]))
    open_sky = ~clouded(tile)[row, col]
    pixels = tile.pixels.copy()
    for band in plain:
        place, pixel_m, spread_m = _PLAIN[band]
        index = tile.bands.index(band)
        ground = _ground(tile.pixels[index] / unit, cells.at, shape[1], per)
        sky = skylight(sun[1])[[place]]
        change = cells.of([place]).contrast(ground[None], sky)[0] * open_sky * unit
        phases = _phases(tile, pixel_m)
        across, down = (
            _response(shape[1 - k], gsd / per, per, pixel_m, spread_m / sharpness, shift_m[k], phases[k])
            for k in (0, 1)
        )
        sparse = csr_array((change, np.divmod(cells.at, shape[1])), shape=shape)
        pixels[index] = _added(pixels[index], (down @ sparse @ across.T).toarray() * tile.valid)
    return Tile(pixels, tile.valid.copy(), tile.grid, tile.bands, _marked(scene, len(wagons)))


def metres_of(tile: Tile, line_px: NDArray[np.float64]) -> Array:
    """A line (n, 2) in the tile's pixels in metres right and down, as trains.on_line takes it."""
    return np.asarray(line_px * np.array(ground_steps(tile.grid)))


def _ground(plane: Array, at: NDArray[np.intp], cells_across: int, per: int) -> Array:
    """Brightness (n,) of a band (rows, cols) at cells, between its pixels' centres."""
    where = [(part + 0.5) / per - 0.5 for part in np.divmod(at, cells_across)]
    return np.asarray(map_coordinates(plane.astype(np.float64), where, order=1, mode="nearest"))


def _phases(tile: Tile, pixel_m: float) -> tuple[float, float]:
    """Metres from the sensor's own pixel edge to the tile's first corner, right and down; 0 without a map."""
    if tile.grid.crs is None or tile.gsd_m > 0.99 * pixel_m:
        return 0.0, 0.0
    corner = tile.grid.affine
    return float(corner.c % pixel_m), float(-corner.f % pixel_m)


def _response(
    cells: int, cell_m: float, per: int, pixel_m: float, spread_m: float, shift_m: float, phase_m: float
) -> csr_array:
    """Weights (pixels, cells) along one axis: the sensor's own pixels, or finer ones between them."""
    gsd = cell_m * per
    if gsd > 0.99 * pixel_m:
        return kernel(cells, cell_m, gsd, spread_m, shift_m)
    # One more of the sensor's pixels than fit, so that the last fine one lies between two.
    extra = round(pixel_m / cell_m)
    own = kernel(cells + extra, cell_m, pixel_m, spread_m, shift_m + phase_m)[:, :cells]
    pixels = cells // per
    where = np.clip(((np.arange(pixels) + 0.5) * gsd + phase_m) / pixel_m - 0.5, 0, own.shape[0] - 1)
    low = np.minimum(where.astype(np.intp), own.shape[0] - 2)
    row = np.repeat(np.arange(pixels), 2)
    weight = np.stack([1 - (where - low), where - low], axis=1)
    pair = np.stack([low, low + 1], axis=1)
    between = csr_array((weight.ravel(), (row, pair.ravel())), (pixels, own.shape[0]))
    return csr_array(between @ own)


def _added(plane: NDArray[Any], change: Array) -> NDArray[Any]:
    """Whole numbers stay whole, and above the one that means no data."""
    if plane.dtype.kind not in "iu":
        return np.asarray(plane + change, dtype=plane.dtype)
    return np.where(change != 0, np.maximum(np.rint(plane + change), 1), plane).astype(plane.dtype)


def _marked(scene: Scene, count: int) -> Scene:
    told = {"injection": f"SIMULATED injection of {count} wagons", "injected_into": scene.id}
    return replace(
        scene,
        id=f"{scene.id}-SIMULATED-INJECTION",
        simulated=True,
        properties=MappingProxyType({**scene.properties, **told}),
    )
