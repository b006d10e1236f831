"""What is true of a painted scene, as it stands in truth.json."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod

from imagery.grid import pixel_to_lonlat
from imagery.synthetic.cargo import container_count, covered_m2
from imagery.synthetic.closeup import Closeup
from imagery.synthetic.scenario import RadarPasses
from imagery.synthetic.snapshot import Snapshot, Sounding
from imagery.synthetic.story import Day
from imagery.synthetic.world import World

OPAQUE = 0.3
"""Cloud this dense hides the ground."""
_GEOD = Geod(ellps="WGS84")


def day_truth(day: Day) -> dict[str, Any]:
    """What stands at a site on one day, whether a picture shows it or not."""
    lengths = [wagon.spec.length_m for wagon in day.wagons]
    occupied = day.occupied_m
    return {
        "railcars": len(day.wagons),
        "length_sum_m": round(sum(lengths), 1),
        "occupied_track_m": round(sum(occupied.values()), 1),
        "occupied_by_track_m": {track: round(metres, 1) for track, metres in occupied.items()},
        "kinds": dict(sorted(Counter(wagon.spec.kind for wagon in day.wagons).items())),
        "tarps": dict(sorted(Counter(w.spec.tarp for w in day.wagons if w.spec.tarp != "none").items())),
        "goods": [
            {
                "id": goods.id,
                "colour": goods.colour,
                "length_m": goods.length_m,
                "width_m": goods.width_m,
                "height_m": goods.height_m,
                "covered_m2": round(covered_m2(goods), 1),
                "containers": container_count(goods),
            }
            for goods in day.goods
        ],
        "ships_m": [ship.length_m for ship in day.ships],
    }


def coarse_truth(world: World, day: date, scene: Snapshot) -> dict[str, Any]:
    """What is true of a 10 m scene."""
    season = world.season(day)
    hidden = (scene.air.alpha > OPAQUE) | ~scene.inside
    shaded = scene.air.shadow > 0.5
    footprint = shapely.Polygon(world.frame.local(world.frame.site.footprint) / 10.0)
    y, x = np.mgrid[: hidden.shape[0], : hidden.shape[1]] + 0.5
    inside = shapely.contains_xy(footprint, x, y)
    along = _on_tracks(world)
    return {
        **day_truth(world.story.on(day)),
        "sky": scene.air.sky,
        "hidden_share": round(float(hidden[inside].mean()), 4),
        "tracks_hidden_share": round(float(hidden[along].mean()), 4),
        "tracks_shaded_share": round(float((shaded & ~hidden)[along].mean()), 4),
        "snow": round(season.snow, 3),
        "wet": round(season.wet, 3),
        "registration_m": [round(part, 2) for part in scene.shift_m],
    }


def radar_truth(world: World, day: date, passes: RadarPasses, scene: Sounding) -> dict[str, Any]:
    """What is true of a radar scene."""
    season = world.season(day)
    return {
        **day_truth(world.story.on(day)),
        "orbit": passes.orbit,
        "snow": round(season.snow, 3),
        "wet": round(season.wet, 3),
        "registration_m": [round(part, 2) for part in scene.shift_m],
    }


def fine_truth(world: World, day: date, scene: Closeup) -> dict[str, Any]:
    """What is true of a picture of single wagons: each wagon's box on the map."""
    truth = scene.painted.truth
    lonlat, headings = _on_map(scene, truth.boxes)
    tracks = [track.id for track in world.frame.site.tracks]
    return {
        **day_truth(world.story.on(day)),
        "snow": round(world.season(day).snow, 3),
        "boxes": [
            {
                "lon": round(float(lon), 7),
                "lat": round(float(lat), 7),
                "length_m": round(float(box[2] * scene.painted.gsd_m), 2),
                "width_m": round(float(box[3] * scene.painted.gsd_m), 2),
                "heading_deg": round(float(heading), 2),
                "kind": kind,
                "tarp": tarp,
                "track": tracks[track],
                "visible": round(float(visible), 3),
            }
            for (lon, lat), heading, box, kind, tarp, track, visible in zip(
                lonlat,
                headings,
                truth.boxes,
                truth.kinds,
                truth.tarps,
                truth.tracks,
                truth.visible,
                strict=True,
            )
        ],
    }


def _on_tracks(world: World) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """10 m pixels along the tracks, a point every five metres."""
    layout = world.frame.tracks
    points = [layout.at(i, np.arange(0.0, layout.length_m(i), 5.0)) for i in range(len(layout.tracks_m))]
    cell = np.floor(np.concatenate(points) / 10.0).astype(np.intp)
    return cell[:, 1], cell[:, 0]


def _on_map(scene: Closeup, boxes: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (n, 2) in degrees, and headings (n,) in degrees clockwise from true north, 0 to 180."""
    if not len(boxes):
        return np.empty((0, 2)), np.empty(0)
    cx, cy, length, _, angle = boxes.T
    turn = np.deg2rad(angle)
    half = np.stack([np.cos(turn), np.sin(turn)], axis=1) * length[:, None] / 2
    centre = np.stack([cx, cy], axis=1)
    start, end = (pixel_to_lonlat(scene.grid, centre + sign * half) for sign in (-1, 1))
    azimuth = np.asarray(_GEOD.inv(*start.T, *end.T)[0])
    return pixel_to_lonlat(scene.grid, centre), azimuth % 180.0
