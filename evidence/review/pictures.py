"""An image as a person reviews it: one picture, and boxes in its pixels there and back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.crop import Crop, roi_around
from imagery.errors import InputError
from imagery.grid import ground_gsd, lonlat_to_pixel
from imagery.quicklook import Stretch, to_rgb8
from imagery.reader import Raster, open_scene
from imagery.scenes import Scene
from imagery.sites import Site
from models.detections import Detections, on_grid

MARGIN_M = 30.0
"""Ground shown around a site."""
MAX_PIXELS = 40_000_000
MAX_SIDE = 16_000
"""A larger picture is reduced: browsers and WebP end near 16,383 pixels."""
QUALITY = 90


@dataclass(frozen=True, eq=False)
class View:
    """One picture and where it lies in its image."""

    webp: bytes
    """The picture."""
    width: int
    """Columns."""
    height: int
    """Rows."""
    gsd_m: float
    """Ground metres of one pixel of the picture."""
    grid: GeoBox
    """Grid of the part of the image that is shown, unreduced."""
    native_grid: GeoBox
    """Grid of the image, in whose pixels boxes are kept."""

    @property
    def scale(self) -> float:
        """Pixels of the picture for one of the part shown."""
        return self.width / int(self.grid.shape[1])

    def to_picture(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes (n, 5) from pixels of the image into pixels of the picture."""
        found = on_grid(Detections(self.native_grid, boxes, np.zeros(len(boxes))), self.grid)
        return np.asarray(found.boxes * self._factor(self.scale))

    def to_image(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes (n, 5) from pixels of the picture into pixels of the image."""
        unscaled = boxes * self._factor(1 / self.scale)
        return np.asarray(
            on_grid(Detections(self.grid, unscaled, np.zeros(len(boxes))), self.native_grid).boxes
        )

    @staticmethod
    def _factor(scale: float) -> NDArray[np.float64]:
        return np.array([scale, scale, scale, scale, 1.0])


def grid_of(scene: Scene) -> GeoBox:
    """The grid in whose pixels an image's boxes are kept.

    Raises:
        UnreadableError: The image cannot be read.
    """
    with open_scene(scene) as raster:
        return raster.native_grid


def view_of(scene: Scene, site: Site | None) -> View:
    """Open an image and show the site in it, or all of it.

    Raises:
        InputError: The site is not in the image.
        UnreadableError: The image cannot be read.
    """
    with open_scene(scene) as raster:
        shown: Raster = raster
        if site is not None and raster.grid.crs is not None:
            area = lonlat_to_pixel(raster.grid, np.asarray(site.footprint.exterior.coords))
            roi = roi_around(raster.grid, area, MARGIN_M / ground_gsd(raster.grid))
            if roi is None:
                raise InputError(f"{scene.id} does not show {site.id}")
            shown = Crop(raster, roi)
        rows, cols = shown.grid.shape
        scale = min(1.0, (MAX_PIXELS / (rows * cols)) ** 0.5, MAX_SIDE / max(rows, cols))
        shape = (max(1, round(rows * scale)), max(1, round(cols * scale)))
        stretch = Stretch.of(shown)
        image = to_rgb8(shown.read(bands=stretch.bands, shape=shape), stretch)
        bgr = np.ascontiguousarray(image[..., ::-1])
        ok, data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
        if not ok:
            raise InputError(f"{scene.id}: cannot be shown as a picture")
        gsd = ground_gsd(shown.grid) / scale
        return View(data.tobytes(), shape[1], shape[0], gsd, shown.grid, raster.native_grid)
