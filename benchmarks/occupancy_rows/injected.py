"""Known trains injected into real dates: intervals and errors where clouds, noise and registration are real.

    python -m benchmarks.occupancy_rows.injected

The ground is a Belgian village without a railway, 72 overpasses of 16 months; tracks are invented, trains
are added by the painter's forward model. These dates set nothing. Semi-synthetic: simulated trains on real
dates.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import numpy as np
import shapely
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from benchmarks.occupancy_rows.scores import Scored, scored, together
from imagery.alignment.frames import Framed, Frames, frame
from imagery.grid import pixel_to_lonlat
from imagery.scenes import Asset, Scene
from imagery.sites import Site, Track
from imagery.synthetic.inject import inject
from imagery.synthetic.places import SimulatedPlace, place_of
from imagery.synthetic.tops import Stock
from imagery.synthetic.trains import random_trains, things_of
from imagery.synthetic.visits import typical_cars
from imagery.tiles import Tile
from imagery.tracks import tracks_in_pixels
from models.occupancy.differ import Difference, differences
from models.occupancy.registry import reader
from models.occupancy.views import View, read_view

DATA = (
    "sentinel-real: 72 Sentinel-2 dates of 2018-08 to 2019-11, 4 invented bundles of tracks, trains injected"
)
NAME = "S2_L2A_{}m_0000280849BAC91C_32631_2018-08-01_2019-11-30.nc"
TEN, TWENTY = ("B02", "B03", "B04", "B08"), ("B05", "B06", "B07", "B8A", "B11", "B12", "SCL")
GRID = GeoBox((64, 64), Affine(10, 0, 574_680, 0, -10, 5_622_440), "EPSG:32631")
SEED, PLACES = 700, 4
GAP_M = 1.1


def folder() -> Path:
    """Where the real dates lie."""
    return Path(os.environ.get("YARDWATCH_DATA", "../shared/data")) / "sentinel-real"


def real_tiles() -> list[Tile]:
    """All overpasses as reflectance, with classes."""
    ten, twenty = (
        xr.open_dataset(folder() / NAME.format(gsd), engine="h5netcdf", mask_and_scale=False)
        for gsd in (10, 20)
    )
    times = ten.timestamp.values.astype("datetime64[s]").tolist()
    bands = (*TEN, *TWENTY)
    tiles = []
    for k, when in enumerate(times):
        planes = [ten[band].values[k] / 1e4 for band in TEN]
        for band in TWENTY:
            wide = twenty[band].values[k].repeat(2, axis=0).repeat(2, axis=1)
            planes.append(wide if band == "SCL" else wide / 1e4)
        pixels = np.stack(planes).astype(np.float32)
        scene = Scene(
            f"real-{when:%Y%m%d}",
            (Asset(Path("real.tif"), bands),),
            "sentinel-2-l2a",
            when.replace(tzinfo=UTC),
            sun_azimuth_deg=float(twenty.sunAzimuthAngles.values[k]),
            sun_elevation_deg=90.0 - float(twenty.sunZenithAngles.values[k]),
        )
        tiles.append(Tile(pixels, (pixels[:4] > 0).all(axis=0), GRID, bands, scene))
    return tiles


def invented(rng: np.random.Generator) -> SimulatedPlace:
    """Four to eight tracks of 300 to 420 m somewhere in the middle, at any heading."""
    count, length, turn = int(rng.integers(4, 9)), rng.uniform(300, 420), rng.uniform(0, np.pi)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle = 32.0 + rng.uniform(-5, 5, 2)
    lines = [
        middle
        + np.outer([-length / 20, length / 20], along)
        + (k - count / 2) * rng.uniform(0.48, 0.55) * across
        for k in range(count)
    ]
    hull = shapely.MultiPoint(np.concatenate(lines)).convex_hull.buffer(4.0)
    footprint = shapely.Polygon(pixel_to_lonlat(GRID, shapely.get_coordinates(hull.exterior)))
    tracks = tuple(Track(f"track-{k}", pixel_to_lonlat(GRID, line), False) for k, line in enumerate(lines))
    site = Site("injected", "SIMULATED tracks", footprint, footprint.bounds, tracks, (), (), 1.0)
    return place_of(site, rng)


def with_trains(
    place: SimulatedPlace, tile: Tile, framed: Framed, cars: int, stock: Stock, rng: np.random.Generator
) -> tuple[Tile, float, int]:
    """The date with so many wagons, the metres that they fill, and how many there are."""
    trains = random_trains(place, cars, rng, stock)
    corner = place.frame.grid.affine
    right, down = corner.c - GRID.affine.c, GRID.affine.f - corner.f
    things = [
        replace(thing, centre_m=(thing.centre_m[0] + right, thing.centre_m[1] + down))
        for thing in things_of(place, trains)
    ]
    shift = framed.shift.dx_px * 10.0, framed.shift.dy_px * 10.0
    added = inject(tile, things, shift)
    metres = sum(train.end_m - train.start_m + GAP_M for train in trains)
    return replace(added, scene=tile.scene), metres, sum(len(train.tops) for train in trains)


def lessons(tiles: Sequence[Tile], rng: np.random.Generator) -> Iterator[tuple[str, View, float, int]]:
    """Kind, view, filled metres and wagons of every date of one invented bundle, three times each."""
    place = invented(rng)
    by_id = {tile.scene.id: tile for tile in tiles}
    frames = Frames([tile.scene for tile in tiles])
    lines = [line for _, line in tracks_in_pixels(place.site, GRID)]

    def look(scene: Scene, bands: Sequence[str]) -> Tile:
        tile = by_id[scene.id]
        index = [tile.bands.index(band) for band in bands if band in tile.bands]
        names = tuple(tile.bands[k] for k in index)
        return Tile(tile.pixels[index], tile.valid.copy(), tile.grid, names, scene)

    for tile in tiles:
        framed = frame(tile, lines, frames, "injected", look)
        kinds: tuple[tuple[str, Stock, int], ...] = (
            (
                "ordinary",
                "known",
                typical_cars(rng, tile.scene.taken_at.date() if tile.scene.taken_at else None),
            ),  # type: ignore[arg-type]
            ("known", "known", int(rng.integers(0, 101))),
            ("unseen", "held-out", int(rng.integers(0, 101))),
        )
        for kind, stock, cars in kinds:
            painted, metres, wagons = with_trains(place, tile, framed, cars, stock, rng)
            view = read_view(painted, framed.good, lines, framed.shift)
            assert view is not None
            yield kind, view, metres, wagons


def trial_dates(places: int) -> dict[str, Scored]:
    """Test dates by kind."""
    net, calibration = reader()
    tiles = real_tiles()
    parts: dict[str, list[Scored]] = {"ordinary": [], "known": [], "unseen": []}
    for k in range(places):
        found = list(lessons(tiles, np.random.default_rng([SEED, k])))
        kinds: NDArray[np.str_] = np.array([kind for kind, _, _, _ in found])
        results = differences([view for _, view, _, _ in found], kinds == "ordinary")
        for kind, some in parts.items():
            kept = [
                (one, metres, cars)
                for (name, _, metres, cars), one in zip(found, results, strict=True)
                if name == kind and isinstance(one, Difference)
            ]
            dates = [one for one, _, _ in kept]
            true_m, cars = [metres for _, metres, _ in kept], [cars for _, _, cars in kept]
            some.append(scored(dates, net.read(dates), true_m, cars, calibration, k))
    return {kind: together(some) for kind, some in parts.items()}


def rows(places: int = PLACES) -> dict[str, float]:
    """Errors and coverage; nothing where the real dates are absent."""
    if not folder().exists():
        return {}
    result: dict[str, float] = {}
    for kind, one in trial_dates(places).items():
        result |= one.take(one.passed).figures(f"injected_{kind}_gated")
        result |= one.figures(f"injected_{kind}_all")
    return result


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
