"""Whether copied pixels can be what their offer's rule says they are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.grid import map_to_pixel, pixel_to_map
from imagery.sources.network.copy import Piece
from imagery.sources.offers import Offer
from imagery.sources.values.dark_pixels import DARK_IN, dark_pixel_check


def doubt(offer: Offer, pieces: Mapping[str, Piece]) -> str:
    """Why a Sentinel-2 scene's reflectance cannot be believed; empty where nothing speaks against it.

    Args:
        offer: With its scales and offsets.
        pieces: By band; each pixel of the classification is held against the pixel under its centre.
    """
    scl = pieces.get("SCL")
    if scl is None:
        return ""
    reflectance = {}
    valid = np.ones(scl.pixels.shape, dtype=bool)
    for name in DARK_IN.keys() & pieces.keys():
        stored, inside = _under(pieces[name], scl.grid)
        band = offer.band(name)
        valid &= inside & (stored != (0 if band.nodata is None else band.nodata))
        reflectance[name] = stored * np.float32(band.scale) + np.float32(band.offset)
    if not reflectance:
        return ""
    verdict = dark_pixel_check(reflectance, valid, scl.pixels)
    if verdict.fits != "other":
        return ""
    return f"{verdict.reason}: its offset seems wrong by {verdict.shift:+.1f} of reflectance"


def _under(piece: Piece, grid: GeoBox) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pixels under the centres of another grid of the same CRS, and which of these lie on the piece."""
    rows, cols = np.indices(grid.shape)
    centres = np.stack([cols.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    x, y = np.floor(map_to_pixel(piece.grid, pixel_to_map(grid, centres))).astype(int).T
    inside = (x >= 0) & (y >= 0) & (y < piece.grid.shape[0]) & (x < piece.grid.shape[1])
    found = np.zeros(len(x), np.float32)
    found[inside] = piece.pixels[y[inside], x[inside]]
    return found.reshape(grid.shape), inside.reshape(grid.shape)
