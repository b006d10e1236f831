"""Fetching: the source's own pixels, by ranges, politely; what cannot be had is written down."""

import hashlib
import importlib.util
import json
import os
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
import typer
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.control import GroundControlPoint
from typer.testing import CliRunner

import evidence.cli.fetch as command
from evidence.places.fetch_config import load_fetch_config
from evidence.places.fetching import manners_of, surveys_of
from imagery.errors import ConfigError, InputError, UnreadableError
from imagery.fetching.fetch import fetch
from imagery.fetching.ledger import LEDGER, Entry, Ledger, Request, read_ledger
from imagery.fetching.plan import is_private
from imagery.folderlock import locked
from imagery.reader import open_scene
from imagery.sources.catalogue import Access
from imagery.sources.folders.folder import find_scenes
from imagery.sources.network.copy import Copier, Window
from imagery.sources.network.landing import landed
from imagery.sources.network.retry import Patience, Retry
from imagery.sources.offers import RemoteBand


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = _load("fetch_world")
WINDOW = Window(world.BOX, 50.0)


def plan(config):
    return surveys_of(load_fetch_config(config), config.parent, np.random.default_rng(1), lambda site: None)


def run(config, out):
    """A fetch as the command does it; how each task ended."""
    return fetch(plan(config), out, manners_of(load_fetch_config(config)), np.random.default_rng(1))


def entries(out):
    return [line for line in read_ledger(out / LEDGER) if isinstance(line, Entry)]


def states(out):
    return Counter(entry.state for entry in entries(out))


def in_thread(action):
    """As a worker does: GDAL's settings of the main thread hold for every other."""
    found = []

    def run_it():
        try:
            found.append(action())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run_it)
    thread.start()
    thread.join()
    return found[0]


# What is fetched


def test_pixels_are_the_source_s_own_on_their_own_grid(stac_server, tmp_path):
    item = world.add_picture(stac_server, world.FIRST, bands=("B02", "B04", "B08", "B11", "SCL"))
    bands = {"sentinel-2-l2a": ["B02", "B04", "B08", "B11", "SCL"]}
    run(world.write_config(tmp_path, stac_server, sensors=bands), tmp_path / "out")
    for key, name in (("blue", "B02"), ("swir16", "B11"), ("scl", "SCL")):
        source = stac_server.folder / "sentinel-2-l2a" / item["id"] / f"{key}.tif"
        (copy,) = (tmp_path / "out").rglob(f"{name}.tif")
        with rasterio.open(source) as whole, rasterio.open(copy) as window:
            part = whole.window(*window.bounds)
            offsets = (part.col_off, part.row_off, part.width, part.height)
            assert offsets == tuple(map(round, offsets)), "the window lies between pixels"
            assert (window.read(1) == whole.read(1, window=part)).all()
            assert window.res == whole.res
            assert window.compression.name == "zstd"
            assert window.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert window.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"


def test_the_folder_is_read_back_with_scale_time_and_angles(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST, properties={"earthsearch:boa_offset_applied": False},
                      stored=(1200, 4000))  # fmt: skip
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    (scene,) = find_scenes([tmp_path / "out"]).scenes
    assert scene.sensor == "sentinel-2-l2a"
    assert scene.taken_at == world.FIRST
    assert (scene.sun_azimuth_deg, scene.sun_elevation_deg) == (160.25, 48.5)
    with open_scene(scene) as raster:
        tile = raster.read(bands=["B04", "SCL"])
    (copy,) = (tmp_path / "out").rglob("B04.tif")
    with rasterio.open(copy) as window:
        stored = window.read(1)
    np.testing.assert_allclose(tile.band("B04"), stored * np.float32(1e-4) - np.float32(0.1), atol=1e-6)
    assert (tile.band("SCL") == 4).all()
    assert tile.valid.all()


def test_an_offset_already_applied_is_not_taken_off_again(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST)  # the Item advertises -0.1 all the same
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    (scene,) = find_scenes([tmp_path / "out"]).scenes
    assert {asset.offset for asset in scene.assets} == {0.0}


def test_items_are_valid_stac_with_checksums_and_sources(stac_server, tmp_path):
    source = world.add_picture(stac_server, world.FIRST, properties={"sat:orbit_state": "descending"})
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    (path,) = (tmp_path / "out").rglob("S2A*.json")
    assert path.relative_to(tmp_path / "out").parts[:3] == ("yard", "sentinel-2-l2a", "2023")
    item = pystac.Item.from_file(path)
    assert item.properties["yardwatch:source_id"] == source["id"] == path.parent.name
    assert item.properties["processing:version"] == "05.09"
    assert item.properties["yardwatch:rule"] == "earth-search-offset-applied"
    assert item.properties["sat:relative_orbit"] == 103
    assert sorted(item.assets) == ["B02", "B04", "B08", "SCL"]
    for asset in item.assets.values():
        data = (path.parent / asset.href).read_bytes()
        assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(data).hexdigest()
        assert asset.extra_fields["file:size"] == len(data)
        assert asset.extra_fields["alternate"]["source"]["href"].startswith(stac_server.url)
    for x, y in ((130.6215, 42.4175), (130.6255, 42.4205)):
        assert item.bbox[0] <= x <= item.bbox[2]
        assert item.bbox[1] <= y <= item.bbox[3]


def test_cloud_probability_of_zero_is_a_value(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST, bands=("B04", "SCL", "CLD"))
    bands = {"sentinel-2-l2a": ["B04", "SCL", "CLD"]}
    run(world.write_config(tmp_path, stac_server, sensors=bands), tmp_path / "out")
    (scene,) = find_scenes([tmp_path / "out"]).scenes
    with open_scene(scene) as raster:
        layer = next(layer for layer in raster.layers if layer.bands == ("CLD",))
        rows, cols = layer.grid.shape
        pixels = np.empty((1, rows, cols), layer.dtype)
        valid = layer.read((slice(0, rows), slice(0, cols)), ["CLD"], list(pixels))
    assert (pixels == 0).any()
    assert valid.all()


def test_radar_is_kept_as_linear_power(stac_server, tmp_path):
    rng = np.random.default_rng(2)
    power = rng.gamma(4.0, 0.02, (2, 128, 128)).astype(np.float32)
    power[:, :, :60] = -32768
    moment = world.FIRST + timedelta(hours=7)
    name = f"S1A_IW_GRDH_1SDV_{moment:%Y%m%dT%H%M%S}_{moment:%Y%m%dT%H%M%S}_050190_060A4B"
    stac_server.add_scene(
        "sentinel-1-rtc", f"{name}_rtc", moment, world.GRID, {"vv": power[0], "vh": power[1]},
        properties={"sat:relative_orbit": 61, "sat:orbit_state": "ascending"},
        raster={"vv": None, "vh": None}, nodata=-32768,
    )  # fmt: skip
    like = "planetary-computer/sentinel-1-rtc"
    collections = [{"collection": "sentinel-1-rtc", "sensor": "sentinel-1-rtc", "like": like}]
    config = world.write_config(
        tmp_path, stac_server, sensors={"sentinel-1-rtc": ["VV", "VH"]},
        catalogues=[{"name": "local", "url": stac_server.url, "collections": collections}],
    )  # fmt: skip
    run(config, tmp_path / "out")
    (scene,) = find_scenes([tmp_path / "out"]).scenes
    assert scene.sensor == "sentinel-1-rtc"
    assert scene.properties["sat:relative_orbit"] == 61
    with open_scene(scene) as raster:
        tile = raster.read()
    assert 0 < tile.valid.mean() < 1
    assert tile.pixels[:, tile.valid].min() > 0


def test_radar_with_an_invented_transform_lies_where_its_control_points_say(stac_server, tmp_path):
    moment = world.FIRST + timedelta(hours=7)
    name = f"S1A_IW_GRDH_1SDV_{moment:%Y%m%dT%H%M%S}_{moment:%Y%m%dT%H%M%S}_050190_060A4B_1234"
    blank = np.full((400, 400), 100, np.uint16)
    stac_server.add_scene(
        "sentinel-1-grd", name, moment, world.grid_at(-100, -100, 400), {"vv": blank}, raster={"vv": None}
    )
    # In truth the swath is turned by 12 degrees; a bright ship lies at a known place.
    truth = Affine.translation(632_300, 4_699_300) @ Affine.rotation(12) @ Affine.scale(10, -10)
    ship = (633_600.0, 4_697_600.0)
    col, row = ~truth @ ship
    blank[int(row) - 1 : int(row) + 2, int(col) - 1 : int(col) + 2] = 5000
    to_lonlat = Transformer.from_crs(32652, 4326, always_xy=True)
    points = [
        GroundControlPoint(r, c, *to_lonlat.transform(*(truth @ (c, r))), 0)
        for r in np.linspace(0, 400, 9)
        for c in np.linspace(0, 400, 9)
    ]
    (path,) = stac_server.folder.rglob("vv.tif")
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=400, count=1, dtype="uint16", gcps=points, crs=4326
    ) as file:
        file.write(blank, 1)
    like = "earth-search/sentinel-1-grd"
    one = {"collection": "sentinel-1-grd", "sensor": "sentinel-1-grd", "like": like, "placed_by_gcps": True}
    config = world.write_config(
        tmp_path, stac_server, sensors={"sentinel-1-grd": ["VV"]},
        catalogues=[{"name": "local", "url": stac_server.url, "collections": [one]}],
    )  # fmt: skip
    run(config, tmp_path / "out")
    (copy,) = (tmp_path / "out").rglob("VV.tif")
    with rasterio.open(copy) as window:
        stored = window.read(1)
        assert set(np.unique(stored)) == {100, 5000}, "nothing is mixed"
        rows, cols = np.nonzero(stored == 5000)
        x, y = window.transform @ (cols.mean() + 0.5, rows.mean() + 0.5)
    assert np.hypot(x - ship[0], y - ship[1]) < 10
    (item,) = (tmp_path / "out").rglob("S1A*.json")
    assert "control points" in json.loads(item.read_text())["properties"]["processing:lineage"]


def test_a_static_catalogue_in_a_folder_is_fetched_from(stac_server, tmp_path):
    item = world.add_picture(stac_server, world.FIRST)
    place = stac_server.folder / "sentinel-2-l2a" / item["id"]
    for asset in item["assets"].values():
        asset["href"] = "./" + asset["href"].rpartition("/")[2]
    (place / "item.json").write_text(json.dumps(item))
    link = {"rel": "item", "href": f"./sentinel-2-l2a/{item['id']}/item.json"}
    root = {"type": "Catalog", "id": "local", "stac_version": "1.0.0", "description": "d", "links": [link]}
    (stac_server.folder / "catalog.json").write_text(json.dumps(root))
    one = {"collection": "sentinel-2-l2a", "sensor": "sentinel-2-l2a", "like": "earth-search/sentinel-2-l2a"}
    mapping = {"name": "disk", "url": "served/catalog.json", "static": True, "collections": [one]}
    run(world.write_config(tmp_path, stac_server, catalogues=[mapping]), tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 1}
    assert not stac_server.log


def test_only_the_window_is_moved_and_only_by_ranges(stac_server, tmp_path):
    big = world.grid_at(-600, -600, 1536)
    world.add_picture(stac_server, world.FIRST, grid=big, bands=("B04", "SCL"))
    bands = {"sentinel-2-l2a": ["B04", "SCL"]}
    run(world.write_config(tmp_path, stac_server, sensors=bands), tmp_path / "out")
    reads = stac_server.assert_ranges()
    (source,) = stac_server.folder.rglob("red.tif")
    moved = sum(one.sent for one in reads if one.path.endswith("red.tif"))
    assert 0 < moved < source.stat().st_size / 4


def test_one_overpass_is_fetched_from_one_tile(stac_server, tmp_path):
    for tile in ("52TFM", "52TFN"):
        world.add_picture(stac_server, world.FIRST, tile=tile)
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 1, "spare": 1}


def test_cloudy_pictures_are_left_and_written_down(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST, cloud=99.0)
    run(world.write_config(tmp_path, stac_server, max_cloud_percent=90), tmp_path / "out")
    (entry,) = entries(tmp_path / "out")
    assert (entry.state, entry.rule) == ("clouded", "max-cloud")
    assert not stac_server.requests("^/files/")


def test_a_picture_beside_the_site_is_out_of_swath(stac_server, tmp_path):
    # Its outline reaches the site, its raster does not: as with slanted swaths.
    item = world.add_picture(stac_server, world.FIRST)
    aside = world.grid_at(400, 0)
    other = world.add_picture(stac_server, world.FIRST + timedelta(days=5), grid=aside, satellite="S2B")
    other["geometry"], other["bbox"] = item["geometry"], item["bbox"]
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 1, "out-of-swath": 1}
    stac_server.log.clear()
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    assert not stac_server.requests("^/files/"), "known to be out of swath"


def test_two_sites_on_one_picture_are_two_scenes(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST)
    sites = [str(world.write_site(tmp_path, name)) for name in ("north", "south")]
    run(world.write_config(tmp_path, stac_server, sites=sites), tmp_path / "out")
    found = find_scenes([tmp_path / "out"])
    assert sorted(scene.properties["yardwatch:site"] for scene in found.scenes) == ["north", "south"]
    assert not found.refused


# Doing it again


def test_a_second_run_asks_for_no_file_and_changes_nothing(stac_server, tmp_path):
    world.add_archive(stac_server, 3)
    config = world.write_config(tmp_path, stac_server)
    run(config, tmp_path / "out")
    before = world.tree(tmp_path / "out")
    stac_server.log.clear()
    assert [entry.state for entry in run(config, tmp_path / "out")] == ["fetched"] * 3
    assert not stac_server.requests("^/files/")
    assert world.tree(tmp_path / "out") == before


def test_the_number_of_workers_does_not_change_a_byte(stac_server, tmp_path):
    world.add_archive(stac_server, 5)
    for workers in (1, 5):
        run(world.write_config(tmp_path, stac_server, workers=workers), tmp_path / f"out-{workers}")
    assert world.tree(tmp_path / "out-1") == world.tree(tmp_path / "out-5")


def test_a_damaged_item_is_fetched_again(stac_server, tmp_path):
    world.add_archive(stac_server, 2)
    config = world.write_config(tmp_path, stac_server)
    run(config, tmp_path / "out")
    before = world.tree(tmp_path / "out")
    victim = min((tmp_path / "out").rglob("B04.tif"))
    victim.write_bytes(victim.read_bytes()[:100])
    assert landed(victim.parent) is None
    run(config, tmp_path / "out")
    assert world.tree(tmp_path / "out") == before


def test_other_windows_do_not_mix_in_one_folder(stac_server, tmp_path):
    world.add_archive(stac_server, 1)
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    with pytest.raises(InputError, match="other windows or bands"):
        run(world.write_config(tmp_path, stac_server, margin_m=100), tmp_path / "out")


def test_a_longer_period_adds_to_the_folder(stac_server, tmp_path):
    world.add_archive(stac_server, 10)
    run(world.write_config(tmp_path, stac_server, period="2023-09"), tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 6}
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 10}


# What goes wrong


@pytest.mark.parametrize(
    ("kind", "how", "said"),
    [
        ("status", {"status": 500}, "HTTP 500"),
        ("status", {"status": 429}, "HTTP 429"),
        ("status", {"status": 403}, "HTTP 403"),
        ("status", {"status": 404}, "HTTP 404"),
        ("reset", {}, ""),
        ("short", {}, ""),
        ("garbage", {}, ""),
        ("slow", {"seconds": 2.0}, ""),
    ],
)
def test_a_fault_that_stays_ends_as_failed_and_the_rest_goes_on(stac_server, tmp_path, kind, how, said):
    items = world.add_archive(stac_server, 3)
    stac_server.fault(f"{items[1]['id']}/red", kind, times=None, **how)
    config = world.write_config(tmp_path, stac_server, tries=2, timeout_s=1)
    run(config, tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 2, "failed": 1}
    (failed,) = (entry for entry in entries(tmp_path / "out") if entry.state == "failed")
    assert failed.id == items[1]["id"]
    assert said in failed.detail
    assert failed.rule
    assert not (tmp_path / "out" / "yard" / "sentinel-2-l2a" / "2023" / failed.id).exists()
    stac_server.faults.clear()
    run(config, tmp_path / "out")
    assert states(tmp_path / "out") == {"fetched": 3}


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_file_is_a_failure_and_never_zeros(stac_server, tmp_path, kept):
    world.add_archive(stac_server, 1)
    (source,) = stac_server.folder.rglob("red.tif")
    whole = source.read_bytes()
    source.write_bytes(whole[: int(kept * len(whole))])
    config = world.write_config(tmp_path, stac_server, tries=2)
    run(config, tmp_path / "out")
    assert states(tmp_path / "out") == {"failed": 1}
    assert not list((tmp_path / "out").rglob("*.tif"))


@pytest.mark.parametrize("kind", ["reset", "short", "garbage", "status"])
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_fault_that_passes_leaves_no_trace(stac_server, tmp_path, kind, after):
    world.add_picture(stac_server, world.FIRST)
    run(world.write_config(tmp_path, stac_server), tmp_path / "quiet")
    stac_server.fault("red", kind, after=after)
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    assert world.tree(tmp_path / "out") == world.tree(tmp_path / "quiet")


def test_a_catalogue_that_fails_is_a_hole_in_the_ledger(stac_server, tmp_path):
    world.add_archive(stac_server, 1)
    stac_server.fault("^/search", times=None)
    out = tmp_path / "out"
    run(world.write_config(tmp_path, stac_server, tries=2), out)
    (search,) = (line for line in read_ledger(out / LEDGER) if line.kind == "search")
    assert "500" in search.holes[0].detail
    stac_server.faults.clear()
    run(world.write_config(tmp_path, stac_server), out)
    (search,) = (line for line in read_ledger(out / LEDGER) if line.kind == "search")
    assert not search.holes
    assert states(out) == {"fetched": 1}


def copier(slept, **patience):
    return Copier(Retry(np.random.default_rng(0), Patience(**patience), slept.append), 20.0, slept.append)


class Plain:
    """A catalogue that signs nothing; counts how often it is asked, and how often anew."""

    name = "plain"

    def __init__(self, path=None):
        self.path = path
        self.asked = []

    def access(self, href, renew=False):
        self.asked.append(renew)
        return Access(self.path(href) if self.path else f"/vsicurl/{href}")


def red(server, **more):
    item = world.add_picture(server, world.FIRST, bands=("B04", "SCL"))
    return RemoteBand("B04", item["assets"]["red"]["href"], **more)


def test_retry_after_is_waited_for_before_the_next_request(stac_server):
    band, clock, asked = red(stac_server), [0.0], []

    def hold(wait_s):
        clock[0] += wait_s
        asked.append((wait_s, len(stac_server.requests("red"))))

    stac_server.fault("red", status=429, retry_after="3", times=2, after=2)
    retry = Retry(np.random.default_rng(0), Patience(tries=4, first_s=0.01), lambda wait_s: None)
    one = Copier(retry, 20.0, hold, lambda: clock[0])
    assert in_thread(lambda: one.copy(Plain(), band, WINDOW)).pixels.shape == (45, 44)
    busy = [i for i, served in enumerate(stac_server.requests("red"), 1) if served.status == 429]
    # Each wait begins while the refusal is still the last thing that was asked.
    assert asked == [(3.0, i) for i in busy]
    assert len(busy) == 2


def test_a_server_that_asks_for_too_long_is_left_alone(stac_server):
    band, slept = red(stac_server), []
    stac_server.fault("red", status=503, retry_after="7200", times=None)
    error = in_thread(lambda: copier(slept, longest_s=60.0).copy(Plain(), band, WINDOW))
    assert isinstance(error, UnreadableError)
    assert "7200" in str(error)
    assert not slept


def test_one_thread_s_retry_after_holds_the_others(stac_server):
    band, slept = red(stac_server), []
    one = copier(slept, tries=2, first_s=0.0)
    stac_server.fault("red", status=429, retry_after="40", times=1)
    in_thread(lambda: one.copy(Plain(), band, WINDOW))
    slept.clear()
    in_thread(lambda: one.copy(Plain(), band, WINDOW))  # the clock has not moved on by 40 s
    assert slept
    assert 30 < slept[0] <= 40


def test_an_expired_token_is_renewed(stac_server):
    band, slept = red(stac_server), []
    stac_server.fault("red", status=403, times=3)
    signer = Plain()
    piece = in_thread(lambda: copier(slept, first_s=0.0).copy(signer, band, WINDOW))
    assert piece is not None
    assert signer.asked[0] is False
    assert signer.asked[1] is True


def test_a_missing_file_is_not_asked_for_again_and_again(stac_server):
    band = RemoteBand("B04", f"{stac_server.url}/files/none.tif")
    signer = Plain()
    error = in_thread(lambda: copier([]).copy(signer, band, WINDOW))
    assert error.reason == "not-found"
    assert len(signer.asked) == 1


def test_what_is_overheard_stays_out_of_the_log(stac_server, caplog):
    band = red(stac_server)
    caplog.set_level("DEBUG", "rasterio")
    assert in_thread(lambda: copier([]).copy(Plain(), band, WINDOW)) is not None
    said = [record.getMessage() for record in caplog.records if record.name.startswith("rasterio")]
    assert not [line for line in said if "HTTP/1.1" in line or "CURL_INFO" in line]


# Spares and doubts


def two_collections(server, **more):
    rules = {"like": "earth-search/sentinel-2-l2a"}
    names = ("sentinel-2-c1-l2a", "sentinel-2-l2a")
    collections = [{"collection": name, "sensor": "sentinel-2-l2a", **rules} for name in names]
    return {"catalogues": [{"name": "local", "url": server.url, "collections": collections}], **more}


def test_the_same_picture_elsewhere_stands_in(stac_server, tmp_path):
    first = world.add_picture(stac_server, world.FIRST, collection="sentinel-2-c1-l2a", item_id="one")
    world.add_picture(stac_server, world.FIRST, item_id="two")
    stac_server.fault("one/red", times=None)
    config = world.write_config(tmp_path, stac_server, **two_collections(stac_server, tries=2))
    run(config, tmp_path / "out")
    assert {entry.id: entry.state for entry in entries(tmp_path / "out")} == {
        first["id"]: "failed",
        "two": "fetched",
    }
    stac_server.log.clear()
    run(config, tmp_path / "out")
    assert not stac_server.requests("^/files/")
    assert states(tmp_path / "out") == {"failed": 1, "fetched": 1}


def test_a_wrong_offset_flag_is_caught_by_dark_pixels(stac_server, tmp_path):
    # It says that 1000 has been taken off; its vegetation says that it has not.
    world.add_picture(stac_server, world.FIRST, collection="sentinel-2-c1-l2a", item_id="wrong",
                      stored=(1150, 3000))  # fmt: skip
    world.add_picture(stac_server, world.FIRST, item_id="right")
    run(world.write_config(tmp_path, stac_server, **two_collections(stac_server)), tmp_path / "out")
    found = {entry.id: entry for entry in entries(tmp_path / "out")}
    assert (found["wrong"].state, found["wrong"].rule) == ("rejected", "dark-pixels")
    assert found["right"].state == "fetched"


def test_what_was_rejected_is_not_fetched_again(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST, stored=(1150, 3000))
    config = world.write_config(tmp_path, stac_server)
    run(config, tmp_path / "out")
    stac_server.log.clear()
    run(config, tmp_path / "out")
    assert not stac_server.requests("^/files/")
    assert states(tmp_path / "out") == {"rejected": 1}


# Strangers


def test_malicious_items_are_refused_and_nothing_is_written_outside(stac_server, tmp_path):
    good = world.add_picture(stac_server, world.FIRST)
    evil = [
        ("../../evil", "https://example.org/a.tif"),
        ("/etc/evil", "https://example.org/a.tif"),
        ("..", "https://example.org/a.tif"),
        ("file-href", "file:///etc/passwd"),
        ("path-href", "/etc/passwd"),
        ("vsi-href", "/vsizip//etc/passwd.tif"),
        ("vrt-href", f"{stac_server.url}/files/a.vrt"),
    ]
    for days, (name, href) in enumerate(evil, 1):
        copy = json.loads(json.dumps(good))
        copy["id"] = name
        copy["properties"]["s2:product_uri"] = f"{world.product(world.FIRST + timedelta(days=days))}.SAFE"
        copy["properties"]["datetime"] = f"{world.FIRST + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
        for asset in copy["assets"].values():
            asset["href"] = href
        stac_server.add(copy)
    config = world.write_config(tmp_path, stac_server)
    outside = {path for path in tmp_path.rglob("*") if path.is_file()}
    run(config, tmp_path / "out")
    assert {
        p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(tmp_path / "out")
    } == outside
    assert states(tmp_path / "out") == {"fetched": 1, "rejected": len(evil)}
    assert {entry.rule for entry in entries(tmp_path / "out") if entry.state == "rejected"} == {
        "unsafe-id",
        "href-refused",
    }
    run(config, tmp_path / "out")
    assert len(entries(tmp_path / "out")) == len(evil) + 1


def test_names_of_assets_and_bands_lead_nowhere(stac_server, tmp_path):
    """An asset that calls itself ``../../evil`` is no band; beside whole ones it changes nothing."""
    good, robbed = (json.loads(json.dumps(item)) for item in world.add_archive(stac_server, 2))
    red = good["assets"]["red"]
    for name in ("../../../evil", "/etc/evil", "red/../../evil"):
        good["assets"][name] = {**red, "eo:bands": [{"name": "../../B04", "common_name": "../red"}]}
    robbed["assets"]["../../red"] = {**robbed["assets"].pop("red"), "eo:bands": [{"name": "../B04"}]}
    stac_server.collections.clear()
    for item in (good, robbed):
        stac_server.add(item)
    config = world.write_config(tmp_path, stac_server)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    run(config, tmp_path / "out")
    assert Counter((e.state, e.rule) for e in entries(tmp_path / "out")) == {
        ("fetched", ""): 1,
        ("rejected", "bands-missing"): 1,
    }
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all(path.is_relative_to(tmp_path / "out") for path in new)
    assert {path.name for path in new if path.suffix == ".tif"} == {
        "B02.tif",
        "B04.tif",
        "B08.tif",
        "SCL.tif",
    }


def test_a_vrt_under_another_name_is_never_opened(stac_server, tmp_path):
    item = world.add_picture(stac_server, world.FIRST)
    (path,) = stac_server.folder.rglob("red.tif")
    secret = tmp_path / "secret.tif"
    secret.write_bytes(path.read_bytes())
    source = (
        f"<SimpleSource><SourceFilename>{secret}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
    )
    path.write_text(
        '<VRTDataset rasterXSize="128" rasterYSize="128"><VRTRasterBand dataType="UInt16" band="1">'
        f"{source}</VRTRasterBand></VRTDataset>"
    )
    run(world.write_config(tmp_path, stac_server, tries=2), tmp_path / "out")
    (entry,) = entries(tmp_path / "out")
    assert (entry.state, entry.id) == ("failed", item["id"])


@pytest.mark.parametrize(
    ("href", "private"),
    [
        ("https://sentinel-cogs.s3.us-west-2.amazonaws.com/a.tif", False),
        ("http://127.0.0.1:8000/a.tif", True),
        ("http://[::1]/a.tif", True),
        ("http://169.254.169.254/latest/meta-data", True),
        ("http://10.1.2.3/a.tif", True),
        ("http://localhost/a.tif", True),
        ("http://nas.local/a.tif", True),
        ("https://8.8.8.8/a.tif", False),
        ("s3://eodata/a.jp2", False),
        ("/folder/of/a/static/catalogue/a.tif", False),
    ],
)
def test_private_addresses_are_known(href, private):
    assert is_private(href) is private


def test_a_catalogue_may_not_send_us_into_a_private_network(stac_server, tmp_path):
    item = world.add_picture(stac_server, world.FIRST)
    for asset in item["assets"].values():
        asset["href"] = asset["href"].replace("127.0.0.1", "127.0.0.2")
    run(world.write_config(tmp_path, stac_server), tmp_path / "out")
    (entry,) = entries(tmp_path / "out")
    assert (entry.state, entry.rule) == ("rejected", "private-host")
    # The user may.
    config = tmp_path / "fetch.yaml"
    config.write_text(config.read_text().replace("name: local", "name: local\n  header_hosts: [127.0.0.2]"))
    stac_server.log.clear()
    run(config, tmp_path / "out")
    assert states(tmp_path / "out") == {"failed": 1}, "nobody listens there, but it was tried"


def test_a_claim_of_endless_pixels_is_refused(stac_server, tmp_path):
    world.add_picture(stac_server, world.FIRST, bands=("B04", "SCL"))
    (path,) = stac_server.folder.rglob("red.tif")
    with rasterio.open(
        path, "w", driver="GTiff", width=60_000, height=60_000, count=1, dtype="uint16", crs="EPSG:32652",
        transform=world.GRID.affine, sparse_ok=True, blockxsize=59_984, blockysize=59_984, tiled=True,
    ):  # fmt: skip
        pass
    bands = {"sentinel-2-l2a": ["B04", "SCL"]}
    run(world.write_config(tmp_path, stac_server, sensors=bands), tmp_path / "out")
    (entry,) = entries(tmp_path / "out")
    assert (entry.state, entry.rule) == ("rejected", "too-large")


def test_a_header_s_key_is_in_no_file(stac_server, tmp_path, monkeypatch):
    monkeypatch.setenv("YARD_KEY", "hush-hush-7261")
    item = world.add_picture(stac_server, world.FIRST)
    stac_server.fault(f"{item['id']}/nir", times=None)
    config = world.write_config(tmp_path, stac_server, tries=2)
    text = config.read_text().replace("name: local", "name: local\n  headers: {X-Api-Key: YARD_KEY}")
    config.write_text(text)
    run(config, tmp_path / "out")
    assert any("x-api-key" in one.headers for one in stac_server.requests("^/files/"))
    assert states(tmp_path / "out") == {"failed": 1}
    stac_server.faults.clear()
    run(config, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"hush-hush" not in path.read_bytes()


# Lock and ledger


def test_two_runs_never_share_a_folder(tmp_path):
    with locked(tmp_path), pytest.raises(InputError, match=f"process {os.getpid()}"), locked(tmp_path):
        pass


def test_the_lock_of_a_dead_process_is_none(tmp_path):
    (tmp_path / ".lock").write_text("999999")
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text().split()[0] == str(os.getpid())
    with locked(tmp_path):
        pass


def request(i):
    return Request(f"site-{i}", "sentinel-2-l2a", (1.0, 2.0, 3.0, 4.0), 50.0, ("B04",))


@given(cut=st.integers(0, 600), more=st.integers(0, 3))
def test_a_torn_line_is_dropped_and_the_rest_kept(tmp_path_factory, cut, more):
    path = tmp_path_factory.mktemp("ledger") / LEDGER
    ledger = Ledger(path)
    ledger.add(request(i) for i in range(4))
    ledger.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole))])
    kept = path.read_bytes().count(b"\n")
    assert list(read_ledger(path)) == [request(i) for i in range(kept)]
    ledger = Ledger(path)
    ledger.add(request(i) for i in range(kept + more))
    ledger.close()
    assert list(read_ledger(path)) == [request(i) for i in range(kept + more)]
    assert path.read_bytes().endswith(b"\n") or kept + more == 0


def test_a_ledger_of_something_else_is_refused(tmp_path):
    (tmp_path / LEDGER).write_text('{"kind": "offer", "site": 3}\n')
    with pytest.raises(InputError, match="line 1 is none of a ledger"):
        read_ledger(tmp_path / LEDGER)


def test_nothing_new_adds_no_line(tmp_path):
    ledger = Ledger(tmp_path / LEDGER)
    ledger.add([request(1), request(1)])
    ledger.add([request(1)])
    ledger.close()
    assert (tmp_path / LEDGER).read_text().count("\n") == 1


# Config and command


def test_a_config_says_what_is_wrong(stac_server, tmp_path):
    path = world.write_config(tmp_path, stac_server)
    assert load_fetch_config(path, ["workers=2"]).workers == 2
    for wrong, said in (
        ("worker=2", "did you mean 'workers'"),
        ("workers=0", "workers = 0"),
        ("period=soon", "is no date"),
        ("sensors={sentinel-9: [B02]}", "sentinel-9"),
        ("sensors={sentinel-2-l2a: [B02, B99]}", "B99"),
        ("catalogues=[]", "catalogues"),
    ):
        with pytest.raises(ConfigError, match=said):
            load_fetch_config(path, [wrong])


def test_the_shipped_config_is_whole():
    root = Path(__file__).resolve().parents[1]
    config = load_fetch_config(root / "configs/fetch/sites.yaml")
    assert all(site.is_file() for site in config.sites)


def test_unknown_catalogues_and_twins_are_refused(stac_server, tmp_path):
    with pytest.raises(ConfigError, match="earth-search"):
        plan(world.write_config(tmp_path, stac_server, catalogues=["earth-serch"]))
    site = str(world.write_site(tmp_path))
    with pytest.raises(ConfigError, match="its own name"):
        plan(world.write_config(tmp_path, stac_server, sites=[site, site]))


def invoke(*args):
    app = typer.Typer()
    app.command()(command.main)
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_a_dry_run_lists_and_touches_nothing(stac_server, tmp_path):
    items = world.add_archive(stac_server, 3)
    result = invoke(world.write_config(tmp_path, stac_server), "--dry-run", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert all(item["id"] in result.output for item in items)
    assert "12 % clouds" in result.output
    assert "3 scenes to fetch" in result.output
    assert not (tmp_path / "out").exists()
    assert not stac_server.requests("^/files/")


def test_the_command_tells_failure_by_its_exit_code(stac_server, tmp_path):
    items = world.add_archive(stac_server, 2)
    stac_server.fault(f"{items[0]['id']}/red", times=None)
    config = world.write_config(tmp_path, stac_server, tries=2)
    result = invoke(config, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert items[0]["id"] in result.output
    assert "HTTP 500" in result.output
    stac_server.faults.clear()
    result = invoke(config, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "2 fetched" in result.output
    assert invoke(config, "--out", tmp_path / "out", "--set", "margin_m=9").exit_code == 2


def test_progress_is_told_in_scenes_and_bytes(stac_server, tmp_path):
    world.add_archive(stac_server, 2)
    config = world.write_config(tmp_path, stac_server)
    told = Counter()

    class Watch:
        def planned(self, scenes, size):
            told.update(scenes=scenes, planned=size.pixels)

        def moved(self, size_bytes):
            told.update(moved=size_bytes)

        def ended(self, entry):
            told.update(ended=1)

    surveys = plan(config)
    fetch(surveys, tmp_path / "out", manners_of(load_fetch_config(config)), np.random.default_rng(1), Watch())
    assert told["scenes"] == told["ended"] == 2
    assert told["moved"] == 2 * (3 * 45 * 44 * 2 + 23 * 23)
    assert told["planned"] == pytest.approx(told["moved"], rel=0.15)


def test_an_interrupted_run_ends_soon(stac_server, tmp_path, request):
    # Where the tests run in the background the shell has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    world.add_archive(stac_server, 3)
    stac_server.fault("red", status=503, times=None)
    config = world.write_config(tmp_path, stac_server, tries=20, first_wait_s=30, longest_wait_s=60)

    class Impatient:
        def planned(self, scenes, size):
            main = threading.main_thread().ident
            threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()

        def moved(self, size_bytes):
            pass

        def ended(self, entry):
            pass

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch(
            plan(config), tmp_path / "out", manners_of(load_fetch_config(config)), np.random.default_rng(1),
            Impatient(),
        )  # fmt: skip
    assert time.monotonic() - began < 20
    assert not entries(tmp_path / "out")


def test_a_catalogue_that_cannot_be_reached_is_said_in_few_words(stac_server, tmp_path):
    config = world.write_config(tmp_path, stac_server, tries=1)
    config.write_text(config.read_text().replace(stac_server.url, "http://127.0.0.1:9"))
    said = invoke(config, "--dry-run")
    assert said.exit_code == 1
    words = " ".join(said.output.split())
    assert "0 scenes to fetch" in words
    assert "given up after 1 tries: ConnectionRefusedError" in words
    assert "HTTPConnectionPool" not in words
