"""Pictures of the dates that matter, for the report: the only other room that looks at pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from evidence.crops import crops_of
from evidence.ledger import Outcome
from evidence.observe import Place
from evidence.report.page import Area, Picture
from evidence.report.words import amount, count, interval, number, quantity_name
from evidence.verdicts.verdict import Verdict
from imagery.crop import Crop, roi_around
from imagery.errors import YardwatchError
from imagery.grid import ground_gsd, lonlat_to_pixel, pixel_to_lonlat, square_utm, zoomed
from imagery.quicklook import Stretch, to_rgb8
from imagery.reader import Raster, open_scene
from imagery.scenes import Scene
from imagery.sites import Site
from imagery.tracks import tracks_in_pixels
from models.detections import on_grid

SIDE = 1400
"""Longest side of a picture in pixels: what a wide screen shows."""
MARGIN_M = 40.0
"""Ground shown around a site's tracks, yards and berths."""
FULL = 0.25
"""A stretch of track is drawn as occupied where more than this share of it is read as filled."""

OUTSIDE = (110, 110, 110)
"""Shown where a picture's ground lies outside the image."""
_DEGREE_M = 111_195.0

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Sheet:
    """What a picture is drawn on: the same ground on every date of a site."""

    grid: GeoBox
    """Pixels of the picture."""
    view: Raster
    """The image, or what of it lies there."""
    by: Points
    """(2,) pixels by which the image lies off its place."""

    def image(self, stretch: Stretch) -> NDArray[np.uint8]:
        """The image moved onto the picture's grid, (rows, cols, 3)."""
        rows, cols = self.view.grid.shape
        finer = min(1.0, ground_gsd(self.view.grid) / ground_gsd(self.grid))
        read = max(1, round(rows * finer)), max(1, round(cols * finer))
        image = to_rgb8(self.view.read(bands=stretch.bands, shape=read), stretch)
        # Three corners of the picture in what was read: both grids are flat enough for that.
        height, width = self.grid.shape
        corners = np.array([[0.0, 0.0], [width, 0.0], [0.0, height]])
        there = corners * [cols / width, rows / height]
        if self.grid.crs is not None:
            there = lonlat_to_pixel(self.view.grid, pixel_to_lonlat(self.grid, corners)) + self.by
        there = there * [read[1] / cols, read[0] / rows]
        # OpenCV counts from the middle of the first pixel.
        move = cv2.getAffineTransform((corners - 0.5).astype(np.float32), (there - 0.5).astype(np.float32))
        how = (cv2.INTER_LINEAR if finer < 1 else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
        moved = cv2.warpAffine(image, move, (width, height), flags=how, borderValue=OUTSIDE)
        return np.asarray(moved, dtype=np.uint8)

    def placed(self, lonlat: Points) -> Points:
        """Longitude and latitude (n, 2) in pixels of the picture."""
        return lonlat_to_pixel(self.grid, lonlat)

    def corners(self, outcome: Outcome) -> Points:
        """Corners (n, 4, 2) of the boxes in pixels of the picture."""
        found = outcome.detections
        if found is None or not len(found):
            return np.empty((0, 4, 2))
        flat: Points = found.corners().reshape(-1, 2)
        if self.grid.crs is None:
            flat = on_grid(found, self.view.grid).corners().reshape(-1, 2)
            flat = flat * (self.grid.shape[1] / self.view.grid.shape[1])
        else:
            flat = self.placed(pixel_to_lonlat(found.grid, flat))
        return flat.reshape(-1, 4, 2)


def pictures_of(
    scenes: Sequence[Scene],
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    places: Sequence[Place],
    most: int,
) -> list[Picture]:
    """Draw fine images behind the verdicts first, then the best date of each year, then the others.

    Args:
        scenes: All scenes of the run.
        outcomes: Their end states.
        verdicts: What the scenes were used for.
        places: Sites, to cut the picture to.
        most: How many pictures at most.

    Returns:
        Pictures in time order.
    """
    by_id = {scene.id: scene for scene in scenes}
    by_site = {place.id: place for place in places}
    measured = [o for o in outcomes if o.measurements and o.scene_id in by_id]
    used = {scene_id for verdict in verdicts for scene_id in verdict.scene_ids}
    best = set(map(id, _best_of_years(measured)))

    def weight(outcome: Outcome) -> tuple[bool, bool, bool, bool, str]:
        fine = outcome.detections is not None
        told = outcome.scene_id in used
        when = outcome.taken_at.isoformat() if outcome.taken_at else ""
        return fine and told, fine, id(outcome) in best, told, when

    chosen = sorted(measured, key=weight, reverse=True)[:most]
    pictures = [_picture(by_id[o.scene_id], o, by_site[o.site]) for o in chosen]
    return sorted(
        (picture for picture in pictures if picture is not None),
        key=lambda picture: (picture.site, picture.taken_at.isoformat() if picture.taken_at else ""),
    )


def _best_of_years(outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
    """Of each site, sensor and year the date that shows most."""
    groups: dict[tuple[str, str, int], list[Outcome]] = {}
    for outcome in outcomes:
        if outcome.taken_at is not None and not any(m.gated_out for m in outcome.measurements):
            groups.setdefault((outcome.site, outcome.sensor, outcome.taken_at.year), []).append(outcome)
    for group in groups.values():
        yield max(group, key=lambda o: max(m.visible_share for m in o.measurements))


def _picture(scene: Scene, outcome: Outcome, place: Place) -> Picture | None:
    try:
        with open_scene(scene) as raster:
            sheet = _sheet(raster, outcome, place)
            stretch = Stretch.of(sheet.view)
            found = outcome.detections
            return Picture(
                scene_id=scene.id,
                site=outcome.site,
                taken_at=outcome.taken_at,
                sensor=scene.sensor,
                gsd_m=outcome.gsd_m,
                simulated=scene.simulated,
                image=sheet.image(stretch),
                boxes=sheet.corners(outcome),
                labels=_labels(outcome),
                caption=_said(outcome),
                pixel_m=ground_gsd(sheet.grid),
                occupied=tuple(_occupied(outcome, place, sheet)),
                goods=tuple(_goods(outcome, sheet)),
                crops=() if found is None else crops_of(sheet.view, stretch, on_grid(found, sheet.view.grid)),
                framed=place.site is not None,
            )
    except YardwatchError:
        return None  # it could be measured and not be shown; the numbers stand without it


def _sheet(raster: Raster, outcome: Outcome, place: Place) -> _Sheet:
    """The same ground on every date of a site; without a site the image as it is."""
    if place.site is None or raster.grid.crs is None:
        scale = SIDE / max(raster.grid.shape)
        rows, cols = (max(1, round(side * scale)) for side in raster.grid.shape)
        return _Sheet(zoomed(raster.grid, (rows, cols)), raster, np.zeros(2))
    ring = _shown(place.site)
    roi = roi_around(raster.grid, lonlat_to_pixel(raster.grid, ring), MARGIN_M / ground_gsd(raster.grid))
    shift = outcome.shift
    by = np.array([shift.dx_px, shift.dy_px]) if shift else np.zeros(2)
    view = Crop(raster, roi) if roi else raster
    return _Sheet(_frame(ring), view, by)


def _shown(site: Site) -> Points:
    """What of a site is shown (n, 2): its tracks, yards and berths inside the footprint, else all of it."""
    parts = [track.line for track in site.tracks]
    parts += [np.asarray(area.polygon.exterior.coords) for area in site.areas]
    points = np.concatenate([np.empty((0, 2)), *parts])
    inside = points[shapely.intersects_xy(site.footprint, *points.T)]
    return inside if len(inside) > 1 else np.asarray(site.footprint.exterior.coords)


def _frame(ring: Points) -> GeoBox:
    """A north-up grid about points (n, 2) in longitude and latitude, SIDE pixels at its longer side."""
    low, high = ring.min(axis=0), ring.max(axis=0)
    metres = np.array([np.cos(np.deg2rad((low[1] + high[1]) / 2)), 1.0]) * _DEGREE_M
    across, down = ((high - low) * metres + 2 * MARGIN_M) / SIDE
    step = max(across, down) / metres
    corner = low[0] - MARGIN_M / metres[0], high[1] + MARGIN_M / metres[1]
    size = round(SIDE * down / max(across, down)), round(SIDE * across / max(across, down))
    place = Affine(step[0], 0, corner[0], 0, -step[1], corner[1])
    return square_utm(GeoBox((max(size[0], 1), max(size[1], 1)), place, "EPSG:4326"))


def _occupied(outcome: Outcome, place: Place, sheet: _Sheet) -> Iterator[Points]:
    """Courses of occupied track in pixels of the picture, by whichever model read them."""
    for corners in sheet.corners(outcome):
        yield np.stack([corners[[0, 3]].mean(axis=0), corners[[1, 2]].mean(axis=0)])
    for train in outcome.trains:
        if train.placed:
            yield sheet.placed(train.line)
    if outcome.filled is not None and place.site is not None:
        grid, filled = outcome.filled.grid, outcome.filled.filled
        for _, line in tracks_in_pixels(place.site, grid):
            cells = np.floor(line).astype(int)
            inside = ((cells >= 0) & (cells < grid.shape[::-1])).all(axis=1)
            x, y = np.clip(cells, 0, np.array(grid.shape[::-1]) - 1).T
            full = inside & (np.nan_to_num(filled[y, x]) > FULL)
            for run in np.split(np.arange(len(line)), np.flatnonzero(np.diff(full)) + 1):
                if full[run[0]] and len(run) > 1:
                    yield sheet.placed(pixel_to_lonlat(grid, line[run]))


def _goods(outcome: Outcome, sheet: _Sheet) -> Iterator[Area]:
    """Outlines of stacks and ships in pixels of the picture."""
    for one in outcome.goods:
        told = f"{one.kind} in {one.area}, {number(one.area_m2)} m\N{SUPERSCRIPT TWO}"
        if one.kind == "vessel":
            told = f"vessel at {one.area}, {number(one.length_m)} m long"
        elif one.height_m is not None:
            told += f", {number(one.height_m)} m high"
        yield Area(sheet.placed(np.array(one.ring)), told)


def _labels(outcome: Outcome) -> tuple[str, ...]:
    found = outcome.detections
    if found is None:
        return ()
    rows = zip(found.kinds, found.tarps, found.scores, found.boxes[:, 2] * found.gsd_m, strict=True)
    return tuple(
        f"{kind}{'' if tarp in ('none', '') else f', {tarp} cover'}, score {score:.2f}, {length:.1f} m"
        for kind, tarp, score, length in rows
    )


def _said(outcome: Outcome) -> str:
    """Every measurement once; lengths of single trains are told by their number."""
    told = [
        f"{quantity_name(m.quantity)}: {amount(m.value, '' if m.unit == m.quantity else m.unit)} "
        f"({interval(m.low, m.high)})"
        for m in outcome.measurements
        if m.quantity != "train_length_m" and m.method != "fused"
    ]
    if outcome.goods:
        told.append(f"{count(len(outcome.goods), 'outline')} of goods or ships")
    return "; ".join(told)
