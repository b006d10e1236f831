"""A place as it usually looks: the median of what its finest images show, cloud and snow aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.alignment.usual import GAP, middle
from imagery.crop import roi_around
from imagery.errors import InputError, UnreadableError
from imagery.grid import cropped, ground_gsd, lonlat_to_pixel, outline, pixel_to_lonlat
from imagery.quicklook import Stretch, picture_bands, to_rgb8
from imagery.reader import Raster, open_scene
from imagery.scenes import Refused, Scene
from imagery.sensors import CLASS_BANDS
from imagery.tiles import ROI, Tile
from imagery.visibility import believable

MOST_SCENES = 15
"""More images change a median little."""
MOST_PIXELS = 40_000_000
"""Of all images together, three bytes each."""
SIMILAR_GSD = 1.3
"""Images up to this much coarser than the finest one are laid over it."""


@dataclass(frozen=True, eq=False)
class Composite:
    """The usual look of a place."""

    rgb: NDArray[np.uint8]
    """(rows, cols, 3) red, green, blue."""
    valid: NDArray[np.bool_]
    """(rows, cols) False where no image shows the ground."""
    grid: GeoBox
    """Grid of the pixels."""
    scenes: tuple[str, ...]
    """Ids of the images that went in."""
    layers: tuple[tuple[NDArray[np.uint8], NDArray[np.bool_]], ...]
    """Each of them by itself: pixels on the grid, and which of them show the ground."""
    simulated: bool
    """Whether one of them was painted."""


@dataclass(frozen=True, eq=False)
class _Candidate:
    scene: Scene
    gsd_m: float
    roi: ROI
    covered: int
    """Pixels of the place, whether believable or not."""


def composite(
    scenes: Sequence[Scene], lonlat: NDArray[np.float64], margin_m: float
) -> tuple[Composite, list[Refused]]:
    """Median of the finest optical images of a place, each stretched alike.

    Args:
        scenes: Images, of any sensor; radar is passed over.
        lonlat: (n, 2) positions in degrees, WGS 84, that the picture must hold.
        margin_m: Ground shown around them.

    Returns:
        The picture, and what could not be used of the images.

    Raises:
        InputError: No image shows the place.
    """
    refused: list[Refused] = []
    found = [c for scene in scenes if (c := _candidate(scene, lonlat, margin_m, refused)) is not None]
    if not found:
        why = f" ({refused[0].detail})" if refused else ""
        raise InputError(f"none of {len(scenes)} images shows the site with a map position{why}")
    finest = min(c.gsd_m for c in found)
    fine = [c for c in found if c.gsd_m <= finest * SIMILAR_GSD]
    base = max(fine, key=lambda c: (c.covered, c.scene.id))
    with open_scene(base.scene) as raster:
        grid = cropped(raster.grid, *base.roi)
    room = max(1, MOST_PIXELS // (grid.shape[0] * grid.shape[1]))
    # Evenly spread over the dates, so that one season does not stand for all.
    fine.sort(key=lambda c: (c.scene.taken_at is None, str(c.scene.taken_at), c.scene.id))
    keep = sorted({round(i) for i in np.linspace(0, len(fine) - 1, min(room, MOST_SCENES, len(fine)))})
    layers = [_layer(fine[i], grid) for i in keep]
    rgb, valid = _median([layer[0] for layer in layers], [layer[1] for layer in layers])
    used = tuple(fine[i].scene.id for i in keep)
    return Composite(
        rgb, valid, grid, used, tuple(layers), any(fine[i].scene.simulated for i in keep)
    ), refused


def _candidate(
    scene: Scene, lonlat: NDArray[np.float64], margin_m: float, refused: list[Refused]
) -> _Candidate | None:
    if scene.sensor.startswith("sentinel-1"):
        return None
    try:
        with open_scene(scene) as raster:
            if raster.grid.crs is None:
                raise UnreadableError(f"{scene.id} has no map position", "no-position")
            gsd = ground_gsd(raster.grid)
            with np.errstate(invalid="ignore"):
                xy = lonlat_to_pixel(raster.grid, lonlat)
            roi = roi_around(raster.grid, xy, margin_m / gsd) if np.isfinite(xy).all() else None
    except (InputError, UnreadableError) as error:
        refused.append(Refused(scene.assets[0].path, getattr(error, "reason", "unusable"), str(error)))
        return None
    if roi is None:
        return None
    pixels = (roi[0].stop - roi[0].start) * (roi[1].stop - roi[1].start)
    if pixels > MOST_PIXELS:
        detail = f"{scene.id}: {pixels} pixels of the site at {gsd:.2f} m: draw a smaller footprint"
        refused.append(Refused(scene.assets[0].path, "too-large", detail))
        return None
    return _Candidate(scene, gsd, roi, pixels)


def _layer(one: _Candidate, grid: GeoBox) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """An image on the composite's grid, in 8 bits, and where it shows the ground."""
    with open_scene(one.scene) as raster:
        tile = _read(raster, one.roi)
    good = believable(tile)
    rgb = to_rgb8(tile, _stretch(tile, good))
    if tile.grid == grid:
        return rgb, good
    # Over a few kilometres the way from one map projection to another is affine to far below a pixel.
    corners = outline(grid)
    there = lonlat_to_pixel(tile.grid, pixel_to_lonlat(grid, corners))
    design = np.column_stack([corners - 0.5, np.ones(len(corners))])
    matrix = np.linalg.lstsq(design, there - 0.5, rcond=None)[0].T
    size = (grid.shape[1], grid.shape[0])
    moved = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    seen = cv2.warpAffine(
        good.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(moved, dtype=np.uint8), np.asarray(seen > 0.99)


def _read(raster: Raster, roi: ROI) -> Tile:
    bands = [*picture_bands(raster.bands), *(band for band in raster.bands if band in CLASS_BANDS)]
    return raster.read(roi, bands)


def _stretch(tile: Tile, good: NDArray[np.bool_]) -> Stretch:
    """From 0, so that a shadow stays a share of the light, to 99 % of the ground; 8 bits as they are."""
    bands = picture_bands(tile.bands)
    seen = np.stack([tile.band(band)[good] for band in bands])
    high = 255.0
    if seen.dtype != np.uint8:
        seen = seen[np.isfinite(seen)]
        high = float(np.percentile(seen, 99)) if seen.size else 1.0
    # One range for all bands, so that colours keep; an image without light is not divided by 0.
    return Stretch(bands, (0.0,) * len(bands), (high if high > 0 else 1.0,) * len(bands))


def _median(
    pictures: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_]]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Median of what is seen at each pixel, black where nothing is."""
    valid = np.logical_or.reduce(list(masks))
    result = np.zeros_like(pictures[0])
    for top in range(0, len(valid), 128):
        rows = slice(top, top + 128)
        codes = np.stack([picture[rows] for picture in pictures]).astype(np.int16)
        codes[~np.stack([mask[rows] for mask in masks])] = GAP
        middles = middle(codes.reshape(len(codes), -1)).reshape(codes.shape[1:])
        result[rows] = np.where(valid[rows][..., None], middles, 0)
    return result, valid
