"""A site across the edge of two tiles: what one overpass shows of it is read as one picture."""

import importlib.util
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from evidence.places.fetch_config import load_fetch_config
from evidence.places.fetching import manners_of, surveys_of
from imagery.fetching.coverage import coverage
from imagery.fetching.fetch import fetch
from imagery.grid import cropped, lonlat_to_pixel, offset_between, pixel_to_map, spanning
from imagery.reader import open_scene
from imagery.sources.folders.folder import find_scenes
from imagery.sources.folders.join import joined


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = _load("fetch_world")
EDGE = round(lonlat_to_pixel(world.GRID, np.array([[(world.BOX[0] + world.BOX[2]) / 2, world.BOX[1]]]))[0, 0])
"""Column of the usual grid in the middle of the site."""
WEST, EAST = world.grid_at(EDGE - 124, 0), world.grid_at(EDGE - 4, 0)
"""Tiles of 128 pixels that share eight columns."""


def ground(grid):
    """A value for each place on the ground, the same in whatever tile it is seen."""
    rows, cols = grid.shape
    xy = np.stack(np.meshgrid(np.arange(cols) + 0.5, np.arange(rows) + 0.5), axis=-1).reshape(-1, 2)
    x, y = pixel_to_map(grid, xy).T
    if str(grid.crs) != "EPSG:32652":
        x, y = Transformer.from_crs(str(grid.crs), "EPSG:32652", always_xy=True).transform(x, y)
    value = 2000 + 0.7 * (x - world.ORIGIN[0]) + 0.4 * (y - world.ORIGIN[1])
    return value.reshape(grid.shape)


def fetched(server, tmp_path, bands=("B04", "SCL"), **more):
    config = world.write_config(tmp_path, server, sensors={"sentinel-2-l2a": list(bands)}, **more)
    loaded = load_fetch_config(config)
    surveys = surveys_of(loaded, config.parent, np.random.default_rng(1), lambda site: None)
    ended = fetch(surveys, tmp_path / "out", manners_of(loaded), np.random.default_rng(1))
    assert {entry.state for entry in ended} == {"fetched"}
    return find_scenes([tmp_path / "out"]).scenes


def two_tiles(server, east=EAST, **more):
    for tile, grid in (("52TFM", WEST), ("52TGM", east)):
        world.add_picture(
            server, world.FIRST, tile=tile, grid=grid, bands=("B04", "SCL"), paint=ground, **more
        )


def test_the_site_is_whole_and_every_pixel_is_one_of_a_tile_s_own(stac_server, tmp_path):
    two_tiles(stac_server)
    (scene,) = fetched(stac_server, tmp_path)
    assert len(list((tmp_path / "out").rglob("B04.tif"))) == 2  # the files stay as the provider cut them
    assert scene.bands == ("B04", "SCL")
    assert scene.properties["joined"].count("MSIL2A") == 2
    with open_scene(scene) as raster:
        assert raster.grid is raster.native_grid
        tile = raster.read(bands=["B04"])
        part = raster.read((slice(5, 30), slice(3, 41)), ["B04"])
        classes = raster.read(bands=["SCL"])
    corners = lonlat_to_pixel(tile.grid, np.array([world.BOX[:2], world.BOX[2:]]))
    assert corners.min() > 0
    assert (corners < np.array(tile.valid.shape[::-1])).all()
    assert tile.valid.all()
    stored = np.round(tile.pixels[0] / 1e-4)
    assert np.abs(stored - np.floor(ground(tile.grid))).max() == 0
    assert np.array_equal(part.pixels, tile.pixels[:, 5:30, 3:41])
    assert set(np.unique(classes.pixels)) == {4}
    assert classes.valid.all()


def test_the_day_counts_as_measured_where_half_a_site_would_not(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST, tile="52TFM", grid=WEST, bands=("B04", "SCL"))
    later = world.FIRST + timedelta(days=5)
    for tile, grid in (("52TFM", WEST), ("52TGM", EAST)):
        world.add_picture(stac_server, later, tile=tile, grid=grid, bands=("B04", "SCL"))
    assert len(fetched(stac_server, tmp_path)) == 2
    days = {day.day: day.state for day in coverage(tmp_path / "out", min_seen=0.9)}
    assert days[world.FIRST.date()] == "out-of-swath"
    assert days[later.date()] == "measured"


def test_a_neighbour_in_another_utm_zone_goes_on_where_the_first_ends(stac_server, tmp_path):
    lon, lat = (world.BOX[0] + world.BOX[2]) / 2, (world.BOX[1] + world.BOX[3]) / 2
    x, y = Transformer.from_crs(4326, 32653, always_xy=True).transform(lon, lat)
    corner = (np.floor(x / 10) * 10 - 100, np.floor(y / 10) * 10 + 640)
    east = GeoBox((128, 128), Affine(10, 0, corner[0], 0, -10, corner[1]), "EPSG:32653")
    two_tiles(stac_server, east)
    (scene,) = fetched(stac_server, tmp_path)
    with open_scene(scene) as raster:
        tile = raster.read(bands=["B04"])
        small = raster.read(bands=["B04"], shape=(20, 20))
    (left, bottom), (right, top) = lonlat_to_pixel(tile.grid, np.array([world.BOX[:2], world.BOX[2:]]))
    inside = slice(int(top), int(bottom) + 1), slice(int(left), int(right) + 1)
    assert tile.valid[inside].all()
    # A slope of 0.8 per metre: a pixel beside the place would be 7 off.
    assert np.abs(tile.pixels[0] / 1e-4 - ground(tile.grid))[inside].max() < 2
    assert small.valid[5:15, 5:15].all()
    assert np.abs(small.pixels[0] / 1e-4 - ground(small.grid))[5:15, 5:15].max() < 10


def test_tiles_of_other_rules_are_joined_in_reflectance(stac_server, tmp_path):
    """One of them with the offset in its numbers, the other without."""
    world.add_picture(stac_server, world.FIRST, tile="52TFM", grid=WEST, bands=("B04", "SCL"), paint=ground)
    world.add_picture(
        stac_server,
        world.FIRST,
        tile="52TGM",
        grid=EAST,
        bands=("B04", "SCL"),
        paint=lambda grid: ground(grid) + 1000,
        properties={"earthsearch:boa_offset_applied": False, "s2:processing_baseline": "05.09"},
    )
    (scene,) = fetched(stac_server, tmp_path)
    assert {asset.offset for asset in scene.assets if asset.bands == ("B04",)} == {0.0, -0.1}
    with open_scene(scene) as raster:
        tile = raster.read(bands=["B04"])
    assert tile.valid.all()
    assert np.abs(tile.pixels[0] / 1e-4 - np.floor(ground(tile.grid))).max() < 0.01


def test_only_one_overpass_of_one_site_is_joined_and_by_bands_that_all_have(stac_server, tmp_path):
    two_tiles(stac_server)
    fetched(stac_server, tmp_path)
    first, second = (scene_of(path) for path in sorted((tmp_path / "out").rglob("*_T52*/*.json")))
    other = replace(second, properties={**second.properties, "yardwatch:datatake": "another"})
    assert joined([first, other]) == [first, other]
    plain = [replace(one, properties={}) for one in (first, second)]
    assert joined(plain) == plain
    poorer = replace(second, assets=tuple(a for a in second.assets if a.bands != ("SCL",)))
    (one,) = joined([poorer, first])
    assert one.bands == ("B04",)
    assert {asset.piece for asset in one.assets} == {0, 1}


def scene_of(item):
    assert json.loads(item.read_text())["properties"]["yardwatch:site"] == "yard"
    (scene,) = find_scenes([item.parent]).scenes
    return scene


@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(1, 90), st.integers(1, 90))
def test_a_window_lies_where_it_was_cut(down, right, rows, cols):
    window = cropped(world.GRID, slice(down, down + rows), slice(right, right + cols))
    assert offset_between(window, world.GRID) == (down, right)
    span = spanning([world.GRID, window])
    assert offset_between(world.GRID, span) == (max(0, -down), max(0, -right))
    assert span.shape == (
        max(128, down + rows) - min(0, down),
        max(128, right + cols) - min(0, right),
    )


@pytest.mark.parametrize(
    ("affine", "crs"),
    [
        (Affine(10, 0, world.ORIGIN[0] + 3, 0, -10, world.ORIGIN[1]), "EPSG:32652"),
        (Affine(20, 0, world.ORIGIN[0], 0, -20, world.ORIGIN[1]), "EPSG:32652"),
        (world.GRID.affine, "EPSG:32651"),
        (world.GRID.affine, None),
    ],
)
def test_other_pixels_have_no_offset(affine, crs):
    assert offset_between(GeoBox((20, 20), affine, crs), world.GRID) is None
