"""Pictures of the dates that matter, for the report: the only other room that looks at pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from evidence.ledger import Outcome
from evidence.observe import Place
from evidence.report.page import Picture
from evidence.verdicts.verdict import Verdict
from imagery.crop import Crop, roi_around
from imagery.errors import YardwatchError
from imagery.grid import ground_gsd, lonlat_to_pixel
from imagery.quicklook import Stretch, to_rgb8
from imagery.reader import Raster, open_scene
from imagery.scenes import Scene
from models.detections import on_grid

SIDE = 1100
"""Longest side of a picture in pixels: what a wide screen shows, and small enough for twenty in one page."""


def pictures_of(
    scenes: Sequence[Scene],
    outcomes: Sequence[Outcome],
    verdicts: Sequence[Verdict],
    places: Sequence[Place],
    most: int,
) -> list[Picture]:
    """Draw the scenes behind the verdicts first, then those with the most detections, then the latest.

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
    used = {scene_id for verdict in verdicts for scene_id in verdict.scene_ids}

    def weight(outcome: Outcome) -> tuple[bool, bool, int, str]:
        found = len(outcome.detections) if outcome.detections is not None else 0
        fine = outcome.detections is not None
        when = outcome.taken_at.isoformat() if outcome.taken_at else ""
        return outcome.scene_id in used, fine, found, when

    measured = [o for o in outcomes if o.measurements and o.scene_id in by_id]
    chosen = sorted(measured, key=weight, reverse=True)[:most]
    pictures = [_picture(by_id[o.scene_id], o, by_site[o.site]) for o in chosen]
    return sorted(
        (picture for picture in pictures if picture is not None),
        key=lambda picture: (picture.site, picture.taken_at.isoformat() if picture.taken_at else ""),
    )


def _picture(scene: Scene, outcome: Outcome, place: Place) -> Picture | None:
    try:
        with open_scene(scene) as raster:
            view: Raster = raster
            if place.site is not None and raster.grid.crs is not None:
                area = lonlat_to_pixel(raster.grid, np.asarray(place.site.footprint.exterior.coords))
                roi = roi_around(raster.grid, area, 30.0 / ground_gsd(raster.grid))
                view = Crop(raster, roi) if roi else raster
            rows, cols = view.grid.shape
            scale = SIDE / max(rows, cols)
            read = (max(1, round(rows * min(scale, 1.0))), max(1, round(cols * min(scale, 1.0))))
            stretch = Stretch.of(view)
            image = to_rgb8(view.read(bands=stretch.bands, shape=read), stretch)
            corners = np.empty((0, 4, 2))
            if outcome.detections is not None:
                corners = on_grid(outcome.detections, view.grid).corners() * scale
    except YardwatchError:
        return None  # it could be measured and not be shown; the numbers stand without it
    if scale > 1:
        size = (round(cols * scale), round(rows * scale))
        image = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    said = ", ".join(
        f"{m.quantity} {m.value:.0f} ({m.low:.0f} to {m.high:.0f})" for m in outcome.measurements
    )
    return Picture(
        scene_id=scene.id,
        site=outcome.site,
        taken_at=outcome.taken_at,
        sensor=scene.sensor,
        gsd_m=outcome.gsd_m,
        simulated=scene.simulated,
        image=np.ascontiguousarray(image),
        boxes=corners,
        labels=outcome.detections.kinds if outcome.detections is not None else (),
        caption=said,
    )
