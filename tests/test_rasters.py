"""Rasters of a run: where the tracks are filled, with a STAC Item and a QGIS style each."""

import json
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.exports.contents import contents
from evidence.exports.rasters import MOST, write_rasters
from evidence.ledger import Outcome
from imagery.errors import InputError
from imagery.period import Period
from imagery.sources.folders.folder import find_scenes
from models.measurement import PASS, Measurement
from models.occupancy.fillmap import FillMap

GRID = GeoBox((20, 30), Affine(10, 0, 500_000, 0, -10, 4_700_000), "EPSG:32652")


def shown(grid=GRID):
    filled = np.full((20, 30), np.nan, dtype=np.float32)
    filled[10, 5:25] = np.linspace(0, 1, 20)
    track = np.where(np.isfinite(filled), np.float32(10), np.float32(0))
    return FillMap(grid, filled, track, np.full((20, 30), 0.5, dtype=np.float32))


def outcome(day, scene="a", grid=GRID, simulated=True, map_=True):
    when = datetime(2023, 10, day, 2, 16, tzinfo=UTC)
    one = Measurement("occupied_track_m", 100.0, 50.0, 150.0, 0.9, "m", "learned", 1.0, gate=PASS)
    name = f"{scene}{day}"
    return Outcome(
        name, "yard", "sentinel-2-l2a", when, 10.0, simulated, (one,), filled=shown(grid) if map_ else None
    )


def test_a_raster_of_each_target_date_holds_what_was_measured(tmp_path):
    unplaced = GeoBox((20, 30), GRID.affine, None)
    days = [outcome(1), outcome(5), outcome(9, map_=False), outcome(20, grid=unplaced)]
    paths = write_rasters(days, Period.parse("2023-10-03/2023-10-31"), tmp_path)
    assert [path.name.rsplit("_", 1)[0] for path in paths] == ["filled_yard_20231005T021600"]
    with rasterio.open(paths[0]) as file:
        assert file.descriptions == ("filled", "track_m", "change")
        assert file.crs.to_epsg() == 32652
        assert file.tags()["YARDWATCH_SIMULATED"] == "SIMULATED"
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        filled, track, _ = file.read()
        assert np.isnan(file.nodata)
    assert np.nansum(filled * track) == pytest.approx(100.0, rel=1e-4)
    assert np.isnan(filled).sum() == 600 - 20


def test_the_latest_are_kept_and_those_of_an_earlier_run_go(tmp_path):
    many = [outcome(1 + k % 28, scene=f"s{k}-") for k in range(MOST + 3)]
    paths = write_rasters(many, None, tmp_path)
    assert len(paths) == MOST
    assert len(set(paths)) == MOST
    (tmp_path / "rasters" / "mine.txt").write_text("stays")
    write_rasters([], None, tmp_path)
    assert [path.name for path in (tmp_path / "rasters").iterdir()] == ["mine.txt"]


def test_the_item_is_stac_and_leads_to_its_files(tmp_path):
    (path,) = write_rasters([outcome(5, scene="<b>odd/../id</b>")], None, tmp_path)
    assert path.parent == tmp_path / "rasters"
    plain = json.loads(path.with_suffix(".json").read_text())
    # What the core schema and that of the projection extension ask for.
    assert (plain["type"], plain["stac_version"]) == ("Feature", pystac.get_stac_version())
    assert set(plain) >= {"id", "geometry", "bbox", "properties", "links", "assets", "stac_extensions"}
    west, south, east, north = plain["bbox"]
    ring = np.array(plain["geometry"]["coordinates"][0])
    assert (ring[0] == ring[-1]).all()
    assert [ring[:, 0].min(), ring[:, 1].max()] == [west, north]
    assert 0.0037 > east - west > 0.0035
    assert south < north
    x, y = (ring[:-1] - ring[:-1].mean(axis=0)).T
    assert x @ np.roll(y, -1) > y @ np.roll(x, -1)  # counter-clockwise, RFC 7946
    said = plain["properties"]
    assert said["datetime"] == "2023-10-05T02:16:00Z"
    assert (said["proj:code"], said["proj:shape"]) == ("EPSG:32652", [20, 30])
    assert said["proj:transform"] == [10, 0, 500_000, 0, -10, 4_700_000]
    assert said["title"].startswith("SIMULATED")
    assert said["yardwatch:scene"] == "<b>odd/../id</b>5"
    item = pystac.Item.from_file(str(path.with_suffix(".json")))
    assert item.assets["data"].media_type == pystac.MediaType.COG
    for asset in item.assets.values():
        assert Path(asset.get_absolute_href()).is_file()
    assert [band["name"] for band in plain["assets"]["data"]["bands"]] == ["filled", "track_m", "change"]


def test_the_style_colours_the_first_band(tmp_path):
    (path,) = write_rasters([outcome(5)], None, tmp_path)
    root = Xml.parse(path.with_suffix(".qml")).getroot()
    renderer = root.find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "1")
    stops = renderer.findall("rastershader/colorrampshader/item")
    values = [float(stop.get("value")) for stop in stops]
    assert (values, values[0], values[-1]) == (sorted(values), 0.0, 1.0)
    assert stops[0].get("alpha") == "0"
    assert all(len(stop.get("color")) == 7 for stop in stops)


def test_a_result_is_no_image_of_a_later_run(tmp_path):
    (path,) = write_rasters([outcome(5)], None, tmp_path)
    with pytest.raises(InputError, match="no image"):
        find_scenes([tmp_path])
    assert [scene.assets[0].path for scene in find_scenes([path]).scenes] == [path]


def test_rasters_are_listed_one_by_one(tmp_path):
    (path,) = write_rasters([outcome(5)], None, tmp_path)
    (tmp_path / "run.json").write_text("{}")
    items = {item.path.name: item.words for item in contents(tmp_path)}
    assert set(items) == {"run.json", path.name}
    assert "STAC" in items[path.name]
