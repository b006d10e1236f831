"""A site held against images: drawn over a reference picture, and how far its tracks lie from the rails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from evidence.files import written
from evidence.report.images import stamped
from imagery.alignment.composite import Composite, composite
from imagery.errors import InputError
from imagery.grid import ground_gsd, lonlat_to_pixel
from imagery.quicklook import encode
from imagery.scenes import Refused
from imagery.sensors import regime
from imagery.sites import Site, load_site
from imagery.sources.folders.folder import find_scenes
from imagery.tracks import tracks_in_pixels
from models.axes.offset import Offset, measure_offsets

MARGIN_M = 60.0
"""Ground shown around the site."""
LONGEST, ENLARGED = 3000, 1400
"""Longest side of the picture in pixels, and up to which small ones are enlarged by whole numbers."""
COLOURS = {
    "footprint": (255, 255, 255),
    "track": (255, 40, 40),
    "rails": (0, 230, 80),
    "yard": (255, 210, 0),
    "berth": (60, 170, 255),
}
"""Red, green, blue of what is drawn; ``rails`` is the track moved to where the image shows it."""
AGAINST = (
    "Offsets are against these images, whose own position may be some metres off: the provider states it. "
    "The rails are taken to lie in the middle of their bed."
)


@dataclass(frozen=True, eq=False)
class Checked:
    """What a site looks like in images."""

    site: Site
    """The site."""
    picture: Composite
    """Its usual look."""
    offsets: tuple[Offset, ...]
    """One for each track that the picture can hold."""
    refused: tuple[Refused, ...]
    """Files that could not be used."""

    @property
    def gsd_m(self) -> float:
        """Of the picture."""
        return ground_gsd(self.picture.grid)


def check_site(path: Path, tiles: Path, seed: int = 0) -> Checked:
    """Lay a site over the images of it and measure its tracks.

    Args:
        path: The site file.
        tiles: Folder of images, any sensors.
        seed: Of the draws behind the uncertainties.

    Raises:
        InputError: The site cannot be read, or no image shows it.
    """
    site = load_site(path)
    found = find_scenes([tiles])
    shapes = [site.footprint.exterior.coords, *(track.line for track in site.tracks)]
    shapes += [area.polygon.exterior.coords for area in site.areas]
    lonlat = np.concatenate([np.asarray(shape, dtype=np.float64)[:, :2] for shape in shapes])
    picture, refused = composite(found.scenes, lonlat, MARGIN_M)
    lines = tracks_in_pixels(site, picture.grid)
    gsd = ground_gsd(picture.grid)
    if regime(gsd) == "none":
        raise InputError(
            f"the finest image of the site has pixels of {gsd:.0f} m: no track bed shows in them"
        )
    offsets = measure_offsets(picture.layers, gsd, lines, np.random.default_rng(seed))
    return Checked(site, picture, offsets, (*found.refused, *refused))


def write_check(checked: Checked, out: Path) -> tuple[Path, Path]:
    """Write ``check.png`` and ``check.json``.

    Args:
        checked: What was measured.
        out: Folder to write into.

    Returns:
        Where both lie.
    """
    picture, table = out / "check.png", out / "check.json"
    with written(picture) as temporary:
        temporary.write_bytes(encode(_overlay(checked), "png"))
    with written(table) as temporary:
        temporary.write_text(json.dumps(_facts(checked), indent=1) + "\n", encoding="utf-8")
    return picture, table


def _facts(checked: Checked) -> dict[str, Any]:
    return {
        "site": checked.site.id,
        "stated_uncertainty_m": checked.site.uncertainty_m,
        "gsd_m": round(checked.gsd_m, 3),
        "images": list(checked.picture.scenes),
        "simulated": checked.picture.simulated,
        "against": AGAINST,
        "tracks": [
            {
                "id": o.id,
                "offset_m": o.offset_m,
                "uncertainty_m": o.uncertainty_m,
                "towards_deg": o.towards_deg,
                "seen_m": round(o.seen_m, 1),
                "statement": o.statement,
            }
            for o in checked.offsets
        ],
        "refused": [{"path": r.path.name, "reason": r.reason, "detail": r.detail} for r in checked.refused],
    }


def _overlay(checked: Checked) -> NDArray[np.uint8]:
    grid, rgb = checked.picture.grid, checked.picture.rgb
    longest = max(rgb.shape[:2])
    scale = LONGEST / longest if longest > LONGEST else float(max(1, min(4, ENLARGED // longest)))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    image = np.ascontiguousarray(cv2.resize(rgb, size, interpolation=how), dtype=np.uint8)
    _draw(image, _pixels(checked, checked.site.footprint) * scale, "footprint", closed=True)
    for area in checked.site.areas:
        _draw(image, _pixels(checked, area.polygon) * scale, area.role, closed=True)
    offsets = {offset.id: offset for offset in checked.offsets}
    for name, line in tracks_in_pixels(checked.site, grid):
        _draw(image, line * scale, "track")
        if (told := offsets[name].offset_m) is not None:
            # shapely's positive side is the left one where y goes up, so the right one here.
            moved = shapely.offset_curve(shapely.LineString(line), told / checked.gsd_m)
            for part in shapely.get_parts(moved):
                _draw(image, shapely.get_coordinates(part) * scale, "rails")
    image = stamped(image) if checked.picture.simulated else image
    plate = np.full((26, image.shape[1], 3), 30, dtype=np.uint8)
    x = 6
    for name, colour in COLOURS.items():
        cv2.putText(plate, name, (x, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
        x += 14 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0]
    return np.concatenate([image, plate])


def _pixels(checked: Checked, polygon: shapely.Polygon) -> NDArray[np.float64]:
    return lonlat_to_pixel(checked.picture.grid, np.asarray(polygon.exterior.coords)[:, :2])


def _draw(image: NDArray[np.uint8], points: NDArray[np.float64], what: str, closed: bool = False) -> None:
    # cv2 counts from the middle of the first pixel, in sixteenths here.
    at = np.round((points - 0.5) * 16).clip(-(2**30), 2**30).astype(np.int32)
    cv2.polylines(image, [at], closed, COLOURS[what], 1, cv2.LINE_AA, 4)
