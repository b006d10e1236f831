"""A small place and pictures of it on the local STAC server, for the tests of fetching."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import yaml
from affine import Affine
from odc.geo.geobox import GeoBox

ORIGIN = (633_000.0, 4_698_000.0)  # EPSG:32652, near 130.62 E, 42.42 N


def grid_at(right, down, side=128):
    """A grid of 10 m whose corner lies so many pixels from the usual one."""
    corner = (ORIGIN[0] + 10 * right, ORIGIN[1] - 10 * down)
    return GeoBox((side, side), Affine(10, 0, corner[0], 0, -10, corner[1]), "EPSG:32652")


GRID = grid_at(0, 0)
SMALL = grid_at(32, 17, 60)
"""Not much more than the box: quickly copied."""
BOX = (130.6215, 42.4175, 130.6255, 42.4205)  # about 330 x 330 m inside the grid
TRACK = [[130.6222, 42.4190], [130.6248, 42.4191]]
FIRST = datetime(2023, 9, 5, 2, 15, 41, tzinfo=UTC)
KEYS = {
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B08": "nir",
    "B11": "swir16",
    "SCL": "scl",
    "CLD": "cloud",
}


def write_site(folder, name="yard", approximate=False):
    """A site file of one track in a footprint."""
    west, south, east, north = BOX
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    inner = [
        [130.622, 42.4185],
        [130.625, 42.4185],
        [130.625, 42.4195],
        [130.622, 42.4195],
        [130.622, 42.4185],
    ]
    features = [
        ("Polygon", [inner], {"role": "footprint", "id": "footprint"}),
        ("Polygon", [ring], {"role": "search_box", "id": "search-box"}),
        ("LineString", TRACK, {"role": "track", "id": "track-1", "approximate": approximate}),
    ]
    collection = {
        "type": "FeatureCollection",
        "yardwatch": {"id": name, "name": name, "uncertainty_m": 10},
        "features": [
            {"type": "Feature", "properties": said, "geometry": {"type": kind, "coordinates": points}}
            for kind, points, said in features
        ],
    }
    path = folder / f"{name}.geojson"
    path.write_text(json.dumps(collection), encoding="utf-8")
    return path


def write_config(folder, server, **more):
    """A config for the server as an unknown API with Earth Search's rules."""
    collections = [
        {"collection": "sentinel-2-l2a", "sensor": "sentinel-2-l2a", "like": "earth-search/sentinel-2-l2a"}
    ]
    values = {
        "sites": [str(write_site(folder))],
        "period": "2023-09/2023-10",
        "sensors": {"sentinel-2-l2a": ["B02", "B04", "B08", "SCL"]},
        "catalogues": [{"name": "local", "url": server.url, "collections": collections}],
        "margin_m": 50,
        "tries": 3,
        "first_wait_s": 0.01,
        "longest_wait_s": 5,
        **more,
    }
    path = folder / "fetch.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def product(moment, tile="52TFM", satellite="S2A", orbit=103, baseline="0509"):
    stamp = f"{moment:%Y%m%dT%H%M%S}"
    return f"{satellite}_MSIL2A_{stamp}_N{baseline}_R{orbit:03d}_T{tile}_{stamp}"


def add_picture(server, moment, *, grid=GRID, classes=4, cloud=12.5, bands=KEYS, collection="sentinel-2-l2a",
                item_id=None, stored=None, name=None, properties=None, paint=None, **named):  # fmt: skip
    """Offer one Sentinel-2 picture; ``classes`` fills its scene classification, ``paint(grid)`` its bands."""
    rng = np.random.default_rng(int(moment.timestamp()))
    fine = grid.shape
    coarse = (fine[0] // 2, fine[1] // 2)
    arrays = {}
    for band in bands:
        if band == "SCL":
            arrays["scl"] = np.broadcast_to(np.uint8(classes), coarse).copy()
        elif band == "CLD":
            arrays["cloud"] = rng.integers(0, 101, coarse).astype(np.uint8)
        else:
            shape = coarse if band == "B11" else fine
            low, high = stored or (200, 3000)
            painted = rng.integers(low, high, shape) if paint is None else paint(grid)
            arrays[KEYS[band]] = painted.astype(np.uint16)
    name = name or product(moment, **named)
    said = {
        "s2:product_uri": f"{name}.SAFE",
        "s2:processing_baseline": "05.09",
        "platform": "sentinel-2a",
        "eo:cloud_cover": cloud,
        "view:sun_azimuth": 160.25,
        "view:sun_elevation": 48.5,
        "earthsearch:boa_offset_applied": True,
        **(properties or {}),
    }
    return server.add_scene(collection, item_id or name, moment, grid, arrays, properties=said)


def add_archive(server, pictures, step_days=5, grid=GRID):
    """A picture every few days, by two satellites in turn."""
    return [
        add_picture(
            server,
            FIRST + timedelta(days=step_days * i),
            satellite="S2A" if i % 2 == 0 else "S2B",
            bands=("B02", "B04", "B08", "SCL"),
            grid=grid,
        )
        for i in range(pictures)
    ]


def tree(folder):
    """Every file by name, with its bytes, and every folder; lock and half-written things left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
