"""Images placed by ground control points alone, such as Sentinel-1 GRD: seen on a north-up UTM grid.

The points decide, by a thin-plate spline through all of them (GDAL's ``GCP_TPS``): a polynomial, even of
third order, leaves tens of metres on a Sentinel-1 swath. Heights of the points are those of the ellipsoid
model that the provider used; between them terrain is not corrected.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Geod, Transformer
from pyproj.exceptions import CRSError, ProjError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.transform import GCPTransformer
from rasterio.warp import reproject

from imagery.grid import outline

MAX_POINTS = 1_000
"""A spline takes memory by the square and time by the cube of its points; Sentinel-1 GRD has 210."""
_MAX_SIDE = 200_000
_GEOD = Geod(ellps="WGS84")


def gcp_grid(dataset: Any) -> GeoBox | None:
    """UTM grid of a dataset that only ground control points place; None where they cannot.

    The pixel is the image's own: the mean ground length of its pixel steps at the centre, to two digits
    (10 m for Sentinel-1 GRD of the IW mode), and the grid's corner is a multiple of it.
    """
    points, crs = dataset.gcps
    if crs is None or not 4 <= len(points) <= MAX_POINTS:
        return None
    if not (_spread([(p.row, p.col) for p in points]) and _spread([(p.x, p.y) for p in points])):
        return None
    rows, cols = dataset.shape
    middle = np.array([[0, 0], [1, 0], [0, 1]]) + np.array([cols, rows]) / 2
    xy = np.vstack([middle, outline(GeoBox((rows, cols), Affine.identity(), None))])
    try:
        with GCPTransformer(points, tps=True) as spline:
            places = spline.xy(list(xy[:, 1]), list(xy[:, 0]), offset="ul")
        to_lonlat = Transformer.from_crs(CRS.from_user_input(crs.to_string()), 4326, always_xy=True)
        lon, lat = to_lonlat.transform(*places)
        if not (np.isfinite(lon).all() and np.isfinite(lat).all() and np.abs(lat).max() < 85):
            return None
        steps = [_GEOD.inv(lon[0], lat[0], lon[i], lat[i])[2] for i in (1, 2)]
        zone = int((lon[0] + 180) // 6) % 60 + 1
        utm = f"EPSG:{(32600 if lat[0] >= 0 else 32700) + zone}"
        x, y = Transformer.from_crs(4326, utm, always_xy=True).transform(lon, lat)
    except (CRSError, ProjError, RasterioError, ValueError):
        return None
    gsd = float(f"{math.sqrt(steps[0] * steps[1]):.2g}")
    if not (gsd > 0 and np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    left, top = math.floor(x.min() / gsd) * gsd, math.ceil(y.max() / gsd) * gsd
    shape = (math.ceil((top - y.min()) / gsd), math.ceil((x.max() - left) / gsd))
    if not 0 < min(shape) <= max(shape) <= _MAX_SIDE:
        return None
    return GeoBox(shape, Affine(gsd, 0, left, 0, -gsd, top), utm)


def _spread(points: list[tuple[float, float]]) -> bool:
    """Whether points are finite and do not all lie on one line."""
    at = np.array(points, dtype=np.float64)
    if not np.isfinite(at).all() or np.abs(at).max() > 1e9:
        return False
    long, across = np.linalg.svd(at - at.mean(axis=0), compute_uv=False)
    return bool(across > 1e-3 * long)


def warped(
    dataset: Any, band: int, grid: GeoBox, how: Resampling, nodata: float | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """One band as it lies on a grid.

    Args:
        dataset: A rasterio dataset with ground control points.
        band: Its number, from 1.
        grid: Where it is wanted: gcp_grid or a window of it.
        how: Resampling.
        nodata: Stored value that means no data, never mixed into its neighbours.

    Returns:
        Stored values and which of them are data, both (*grid.shape).
    """
    points, crs = dataset.gcps
    kind = np.dtype(dataset.dtypes[band - 1])
    # Not a number stays where nothing is written. A WarpedVRT would do the same window by window, but given
    # both control points and a grid it silently reads one pixel for all (rasterio 1.4.4).
    out = np.full(grid.shape, np.nan, np.result_type(kind, np.float32))
    reproject(
        rasterio.band(dataset, band),
        out,
        gcps=points,
        src_crs=crs,
        src_nodata=nodata,
        dst_crs=str(grid.crs),
        dst_transform=grid.affine,
        dst_nodata=None if nodata is None else np.nan,
        init_dest_nodata=nodata is not None,
        resampling=how,
        tolerance=0.05,
        METHOD="GCP_TPS",
    )
    seen: NDArray[np.bool_] = np.isfinite(out)
    out = np.where(seen, out, 0)
    return (np.rint(out) if kind.kind in "iu" else out).astype(kind), seen
