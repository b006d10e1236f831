"""Where the tracks are filled, as a raster a date: a COG with its STAC Item and its QGIS style.

Boxes, outlines and lines of finer images are vectors already and are not written again as pixels.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from evidence.exports.contents import RASTERS
from evidence.exports.styles import FILLED, write_qml
from evidence.ledger import Outcome
from imagery.period import Period
from imagery.sources.files.item import write_item
from imagery.sources.files.write import write_cog
from imagery.sources.folders.stac_words import PRODUCT
from imagery.whole import removed
from models.occupancy.fillmap import FillMap

MOST = 40
"""Dates that are written, the latest ones: each is some ten kilobytes."""
BANDS = {
    "filled": ("1", "Filled share of the track in the pixel, as the net reads it. Not calibrated by pixel"),
    "track_m": ("m", "Metres of track in the pixel: times the share and summed, the occupied metres"),
    "change": ("1", "How much brighter than on other dates of the season, in their standard deviations"),
}
"""Unit and meaning by band."""


def write_rasters(outcomes: Sequence[Outcome], period: Period | None, out: Path) -> list[Path]:
    """Write ``rasters/NAME.tif``, ``.json`` and ``.qml`` of dates that the net read.

    Args:
        outcomes: End states of the run.
        period: The target period; all dates are candidates without one.
        out: Folder of the run; rasters of an earlier run in it are removed.

    Returns:
        The rasters, in time order.
    """
    for old in (out / RASTERS).glob("filled_*"):
        removed(old)
    dated = [
        (outcome.taken_at, outcome.site, outcome.scene_id, outcome, outcome.filled)
        for outcome in outcomes
        if outcome.taken_at and outcome.filled and outcome.filled.grid.crs
        if period is None or period.contains(outcome.taken_at)
    ]
    latest = sorted(dated, key=lambda one: one[:3])[-MOST:]
    return [_write(outcome, when, shown, out / RASTERS) for when, _, _, outcome, shown in latest]


def _write(outcome: Outcome, when: datetime, shown: FillMap, folder: Path) -> Path:
    """One date."""
    name = _name(outcome, when)
    raster, style, item = (folder / f"{name}.{ending}" for ending in ("tif", "qml", "json"))
    marks = {
        "TIFFTAG_DATETIME": when.strftime("%Y:%m:%d %H:%M:%S"),
        "TIFFTAG_IMAGEDESCRIPTION": "; ".join(f"{band}: {words}" for band, (_, words) in BANDS.items()),
        **({"YARDWATCH_SIMULATED": "SIMULATED"} if outcome.simulated else {}),
    }
    planes = np.stack([getattr(shown, band) for band in BANDS])
    write_cog(raster, planes, shown.grid, tuple(BANDS), tags=marks, nodata=float("nan"))
    write_qml(FILLED, style)
    prefix = "SIMULATED " if outcome.simulated else ""
    properties = {
        PRODUCT: "filled-track",
        "title": f"{prefix}Filled track, {outcome.site or 'loose tracks'}, {when:%Y-%m-%d}",
        "yardwatch:site": outcome.site,
        "yardwatch:scene": outcome.scene_id,
        "yardwatch:simulated": outcome.simulated,
        **{f"yardwatch:{one.quantity}": round(one.value, 2) for one in outcome.measurements},
        "yardwatch:gate": next((one.gate for one in outcome.measurements if one.gate), ""),
    }
    fields = [
        {"name": band, "description": words, "unit": unit, "data_type": "float32", "nodata": "nan"}
        for band, (unit, words) in BANDS.items()
    ]
    write_item(item, name, when, shown.grid, fields, properties, (raster.name, style.name))
    return raster


def _name(outcome: Outcome, when: datetime) -> str:
    """A file name that says the site and the day; ids may hold anything, so they only decide its end."""
    place = re.sub(r"[^a-z0-9-]+", "-", outcome.site) or "place"
    told = hashlib.sha256(f"{outcome.site}\0{outcome.scene_id}".encode()).hexdigest()
    return f"filled_{place}_{when:%Y%m%dT%H%M%S}_{told[:8]}"
