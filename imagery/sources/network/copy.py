"""A window of a picture that lies elsewhere, copied as it is stored: its own grid, its own numbers.

Nothing is resampled: a copy whose pixels are the source's own can be held against the source, and whoever
measures in it knows the noise of every pixel. The exception is a picture that only ground control points
place (Sentinel-1 GRD): its pixels are put, unaltered, where the points say that they lie.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import odc.geo.crs
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from imagery.crop import roi_around
from imagery.errors import UnreadableError
from imagery.grid import cropped, local_grid, map_to_pixel, outline
from imagery.sources.catalogue import Bbox, Catalogue
from imagery.sources.files.gcps import gcp_grid, warped
from imagery.sources.files.rasterfile import MAX_BLOCK_BYTES, why
from imagery.sources.network.overheard import SPEAK_UP, Heard, listening
from imagery.sources.network.retry import Retry, TransientError
from imagery.sources.offers import RemoteBand
from imagery.tiles import ROI

MAX_WINDOW_BYTES = 2**29
"""Largest window of one band: a site is a few kilometres wide."""
DEGREE_M = 111_320.0
"""Length of a degree of latitude, at most."""
_DTYPES = ("uint8", "uint16", "int16", "float32")
_GONE = (404, 410)
_UNSIGNED = (401, 403)


@dataclass(frozen=True, eq=False)
class Piece:
    """One band of a window."""

    pixels: NDArray[Any]
    """(rows, cols), as stored."""
    grid: GeoBox
    """Part of the source's own grid."""
    nodata: float | None
    """Stored value that means no data, as the file says."""


@dataclass(frozen=True)
class Window:
    """What is wanted of every picture."""

    box: Bbox
    """West, south, east, north in degrees."""
    margin_m: float
    """Ground around it."""

    @property
    def widened(self) -> Bbox:
        """The box with its margin, in degrees."""
        west, south, east, north = self.box
        up = self.margin_m / DEGREE_M
        across = up / max(math.cos(math.radians((south + north) / 2)), 1e-3)
        return west - across, south - up, east + across, north + up


class Copier:
    """Copies windows, politely and with an end. May be shared by threads."""

    def __init__(
        self,
        retry: Retry,
        timeout_s: float = 120.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make one.

        Args:
            retry: How often a band is tried, and how long is waited in between.
            timeout_s: For one request.
            sleep: Waits; tests put a list's ``append`` here.
            clock: Seconds, of any zero.
        """
        self._retry = retry
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._clock = clock
        self._closed_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def copy(self, catalogue: Catalogue, band: RemoteBand, window: Window) -> Piece | None:
        """One band inside a window; None where the picture does not reach it.

        Not for the main thread: GDAL's settings of the main thread hold for every other.

        Raises:
            UnreadableError: It cannot be had: gone (``not-found``), of another kind (``unsupported-...``,
                ``no-position``), too large, refused credentials, or still failing when patience ends.
        """
        renew = False

        def attempt() -> Piece | None:
            nonlocal renew
            server = urlsplit(band.href).netloc
            self._wait_for(server)
            access = catalogue.access(band.href, renew)
            with listening(
                lambda wait_s: self._hold(server, wait_s), self._retry.patience.longest_s
            ) as heard:
                try:
                    with (
                        access.env(**self._options(access.path)),
                        rasterio.open(access.path, driver=band.driver) as dataset,
                    ):
                        return _read(dataset, band, window)
                except (RasterioError, OSError, ValueError) as error:
                    if isinstance(error, UnreadableError):
                        raise
                    renew = heard.status in _UNSIGNED
                    raise _explained(band, heard, error) from None

        return self._retry(band.href, attempt)

    def _options(self, path: str) -> dict[str, Any]:
        return {
            **SPEAK_UP,
            "CPL_VSIL_CURL_ALLOWED_FILENAME": path,  # and nothing that the file may point to
            "GDAL_HTTP_TIMEOUT": math.ceil(self._timeout_s),
            "GDAL_HTTP_LOW_SPEED_TIME": math.ceil(self._timeout_s / 4),
        }

    def _hold(self, server: str, wait_s: float) -> None:
        """A server that asks one thread to wait means all of them."""
        with self._lock:
            until = self._clock() + wait_s
            self._closed_until[server] = max(until, self._closed_until.get(server, until))
        self._sleep(wait_s)

    def _wait_for(self, server: str) -> None:
        wait_s = self._closed_until.get(server, -math.inf) - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)


def _explained(band: RemoteBand, heard: Heard, error: Exception) -> Exception:
    """What a failed attempt means: an end, or worth another try."""
    said = f"HTTP {heard.status}" if heard.status else why(error)
    if heard.status in _GONE:
        return UnreadableError(
            f"{band.href}: {said}: the catalogue names a file that is not there", "not-found"
        )
    return TransientError(said, heard.wait_s)


def _read(dataset: Any, band: RemoteBand, window: Window) -> Piece | None:
    dtype = dataset.dtypes[0]
    if band.index > dataset.count or dtype not in _DTYPES:
        raise UnreadableError(
            f"{band.href} has {dataset.count} bands of {dtype}; band {band.index} of {', '.join(_DTYPES)} "
            "is wanted",
            "unsupported-dtype",
        )
    grid, by_gcps = _grid_of(dataset, band)
    roi = roi_in(grid, window)
    if roi is None:
        return None
    size = [part.stop - part.start for part in roi]
    item = np.dtype(dtype).itemsize
    block = math.prod(dataset.block_shapes[band.index - 1]) * item * dataset.count
    if math.prod(size) * item > MAX_WINDOW_BYTES or block > MAX_BLOCK_BYTES:
        raise UnreadableError(
            f"{band.href}: a window of {size[0]} x {size[1]} pixels in blocks of {block / 2**20:.0f} MiB is "
            "more than is copied: draw a smaller search_box, or use another catalogue",
            "too-large",
        )
    part = cropped(grid, *roi)
    nodata = dataset.nodatavals[band.index - 1]
    if by_gcps:
        known = band.nodata if nodata is None else nodata
        return Piece(warped(dataset, band.index, part, Resampling.nearest, known)[0], part, known)
    pixels = dataset.read(band.index, window=tuple((span.start, span.stop) for span in roi))
    return Piece(pixels, part, nodata)


def _grid_of(dataset: Any, band: RemoteBand) -> tuple[GeoBox, bool]:
    """Where the file says that it lies, and whether only control points say it; no catalogue is believed."""
    transform = dataset.transform
    if dataset.crs is None:
        grid = gcp_grid(dataset)
        if grid is not None:
            return grid, True
    elif transform != Affine.identity() and transform.determinant:
        try:
            return GeoBox(dataset.shape, transform, _crs(dataset.crs.to_string())), False
        except CRSError:
            pass
    raise UnreadableError(f"{band.href} has no map position of its own", "no-position")


def roi_in(grid: GeoBox, window: Window) -> ROI | None:
    """Rows and columns of a grid that hold a window, snapped outwards; None where they do not meet."""
    left, bottom, right, top = bounds_in(str(grid.crs), window)
    corners = np.array([[left, bottom], [left, top], [right, bottom], [right, top]])
    xy = map_to_pixel(grid, corners)
    if not np.isfinite(xy).all():
        return None
    # A window that ends on an edge between pixels must not reach one further for the last digit's sake.
    return roi_around(grid, np.round(xy, 6), 0.0)


@lru_cache(maxsize=256)
def bounds_in(crs: str, window: Window) -> Bbox:
    """Left, bottom, right and top of a window in a CRS; infinite where it is not defined there."""
    west, south, east, north = window.widened
    edge = outline(local_grid(1, 1, 1.0))  # from 0 to 1 each way
    lon, lat = west + edge[:, 0] * (east - west), south + edge[:, 1] * (north - south)
    x, y = Transformer.from_crs(4326, CRS.from_user_input(crs), always_xy=True).transform(lon, lat)
    return float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))


@lru_cache(maxsize=256)
def _crs(text: str) -> odc.geo.crs.CRS:
    """Made once: it takes longer than to read a small window."""
    found = odc.geo.crs.CRS(text)
    if not (found.geographic or found.projected):
        raise CRSError(f"{text} places nothing on the ground")
    return found
