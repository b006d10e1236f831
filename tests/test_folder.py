"""Folders of images into Scenes: what is understood, what is refused, and that nothing is lost."""

import json
import os
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery.errors import InputError
from imagery.grid import local_grid
from imagery.reader import open_scene
from imagery.sources.files.write import write_cog
from imagery.sources.folders.describe import describe
from imagery.sources.folders.folder import find_scenes
from imagery.sources.folders.names import read_name, tidy_band

RGB = ("red", "green", "blue")
SIMULATED = {"YARDWATCH_SIMULATED": "SIMULATED", "YARDWATCH_SENSOR": "skysat"}


def grid(rows, cols, step=10.0):
    return GeoBox((rows, cols), Affine(step, 0, 560_000, 0, -step, 4_690_000), "EPSG:32652")


def tif(path, bands=RGB, *, dtype=np.uint8, on=None, size=8, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    on = on or grid(size, size)
    write_cog(path, np.full((len(bands), *on.shape), 7, dtype), on, bands, **options)
    return path


def picture(path, driver, count=3, dtype="uint8", **options):
    """An image as other programs leave it: no position, no names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver=driver, count=count, height=8, width=9, dtype=dtype, **options
        ) as file:
            file.write(np.full((count, 8, 9), 90, dtype))
    return path


def item(folder, id_="S2B_T52TFM_20231005", assets=None, **properties):
    """A STAC Item; by default of two bands of 10 m and SCL of 20 m beside it."""
    if assets is None:
        folder.mkdir(parents=True, exist_ok=True)
        tif(folder / "B04.tif", ("B04",), dtype=np.uint16)
        tif(folder / "B08.tif", ("B08",), dtype=np.uint16)
        tif(folder / "SCL.tif", ("SCL",), on=grid(4, 4, 20.0))
        scale = [{"scale": 1e-4, "offset": -0.1, "nodata": 0}]
        assets = {
            "red": {"href": "./B04.tif", "type": "image/tiff; application=geotiff", "roles": ["data"],
                    "eo:bands": [{"name": "B04"}], "raster:bands": scale},
            "nir": {"href": "B08.tif", "roles": ["data"], "raster:bands": scale},
            "scl": {"href": "SCL.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]},
            "thumbnail": {"href": "thumb.png", "type": "image/png", "roles": ["thumbnail"]},
            "meta": {"href": "https://example.org/m.xml", "type": "application/xml", "roles": ["metadata"]},
        }  # fmt: skip
    body = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id_,
        "collection": "sentinel-2-l2a",
        "geometry": None,
        "properties": {
            "datetime": "2023-10-05T02:16:51.024Z",
            "platform": "sentinel-2b",
            "view:sun_azimuth": 164.0,
            "view:sun_elevation": 41.5,
            "view:off_nadir": 3.5,
            "s2:processing_baseline": "05.09",
            **properties,
        },
        "assets": assets,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{id_.replace('/', '_')}.json"
    path.write_text(json.dumps(body))
    return path


def only(*paths, **options):
    found = find_scenes(list(paths), **options)
    assert found.refused == ()
    (scene,) = found.scenes
    return scene


def refusals(*paths, **options):
    return {file.path.name: file.reason for file in find_scenes(list(paths), **options).refused}


def test_a_stac_item_beside_its_assets_is_one_scene(tmp_path):
    item(tmp_path / "a" / "b")
    picture(tmp_path / "a" / "b" / "thumb.png", "PNG")
    scene = only(tmp_path)
    assert scene.id == "S2B_T52TFM_20231005"
    assert scene.sensor == "sentinel-2-l2a"
    assert scene.taken_at == datetime(2023, 10, 5, 2, 16, 51, 24_000, tzinfo=UTC)
    assert (scene.sun_azimuth_deg, scene.sun_elevation_deg, scene.off_nadir_deg) == (164.0, 41.5, 3.5)
    assert scene.properties["s2:processing_baseline"] == "05.09"
    assert not scene.simulated
    assert scene.bands == ("B04", "B08", "SCL")
    with open_scene(scene) as raster:
        tile = raster.read()
    assert np.allclose(tile.band("B04"), 7e-4 - 0.1)
    assert (tile.band("SCL") == 7).all()


def test_an_offset_that_was_taken_off_already_is_not_taken_off_twice(tmp_path):
    item(tmp_path, **{"earthsearch:boa_offset_applied": True})
    scene = only(tmp_path)
    assert [asset.offset for asset in scene.assets] == [0, 0, 0]
    assert scene.assets[0].scale == 1e-4


def test_stac_1_1_bands_and_a_multi_band_asset(tmp_path):
    tif(tmp_path / "x.tif", ("one", "two", "three"), dtype=np.uint16)
    bands = [{"name": n, "raster:scale": 1e-4, "raster:offset": -0.1} for n in ("B8A", "B11", "SCL")]
    item(tmp_path, assets={"all": {"href": "x.tif", "type": "image/tiff", "bands": bands, "nodata": 0}})
    scene = only(tmp_path)
    assert scene.bands == ("B8A", "B11", "SCL")
    assert (scene.assets[0].scale, scene.assets[0].offset, scene.assets[0].nodata) == (1e-4, -0.1, 0)


def test_a_simulated_item_says_so_by_property_or_by_tag(tmp_path):
    item(tmp_path / "a", "one", **{"yardwatch:simulated": True})
    tif(tmp_path / "b" / "x.tif", tags=SIMULATED)
    asset = {"visual": {"href": "x.tif", "type": "image/tiff", "roles": ["visual"]}}
    item(tmp_path / "b", "two", asset, **{"platform": "skysat", "constellation": None})
    item(tmp_path / "c", "three", **{"yardwatch:simulated": "no"})
    simulated = {scene.id: scene.simulated for scene in find_scenes([tmp_path]).scenes}
    assert simulated == {"one": True, "two": True, "three": False}


@pytest.mark.parametrize(
    ("facts", "sensor"),
    [
        (
            {"platform": "SENTINEL-1A", "constellation": "Sentinel-1", "sar:product_type": "GRD"},
            "sentinel-1-grd",
        ),
        (
            {"platform": "SENTINEL-1A", "collection": "sentinel-1-rtc", "sar:product_type": "GRD"},
            "sentinel-1-rtc",
        ),
        ({"constellation": "Sentinel 2", "s2:product_type": "S2MSI2A"}, "sentinel-2-l2a"),
        ({"platform": "sentinel-2a", "s2:product_type": "S2MSI1C"}, "sentinel-2"),
        ({"constellation": "planetscope", "platform": "2455"}, "planetscope"),
        ({"platform": "SkySat-C12", "instruments": ["skysat"]}, "skysat"),
        ({"yardwatch:sensor": "rgb"}, "rgb"),
        ({"platform": "my-drone"}, "unknown"),
        ({"platform": 7, "instruments": "x", "constellation": ["y"]}, "unknown"),
    ],
)
def test_the_sensor_by_what_providers_write(tmp_path, facts, sensor):
    tif(tmp_path / "x.tif", ("band",))
    path = item(tmp_path, assets={"data": {"href": "x.tif", "type": "image/tiff"}})
    body = json.loads(path.read_text())
    body["collection"] = facts.pop("collection", None)
    body["properties"] = {"datetime": None, **facts}
    path.write_text(json.dumps(body))
    assert only(tmp_path).sensor == sensor


@pytest.mark.parametrize("href", ["../outside.tif", "../../../../etc/passwd", "a/../../outside.tif"])
def test_an_item_that_climbs_out_is_refused_whole(tmp_path, href):
    tif(tmp_path / "outside.tif")
    item(tmp_path / "in", assets={"data": {"href": href, "type": "image/tiff"}})
    assert list(refusals(tmp_path / "in").values()) == ["outside-folder"]
    # Seen from the folder above, the file beside it is no way out.
    if "etc" not in href:
        assert only(tmp_path).assets[0].path.resolve() == tmp_path / "outside.tif"


def test_an_absolute_path_is_good_inside_the_folder_only(tmp_path):
    inside = tif(tmp_path / "in" / "x.tif")
    outside = tif(tmp_path / "y.tif")
    item(tmp_path / "in", assets={"data": {"href": str(inside), "type": "image/tiff"}})
    assert only(tmp_path / "in").id == "S2B_T52TFM_20231005"
    item(tmp_path / "in", assets={"data": {"href": str(outside), "type": "image/tiff"}})
    assert "outside-folder" in refusals(tmp_path / "in").values()


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_not_read_twice(tmp_path):
    target = tif(tmp_path / "out" / "secret.tif")
    tif(tmp_path / "in" / "a.tif")
    os.symlink(target, tmp_path / "in" / "link.tif")
    os.symlink(tmp_path / "out", tmp_path / "in" / "folder")
    os.symlink(tmp_path / "in", tmp_path / "in" / "round")
    os.symlink(tmp_path / "in" / "a.tif", tmp_path / "in" / "again.tif")
    item(tmp_path / "in", assets={"data": {"href": "link.tif", "type": "image/tiff"}})
    found = find_scenes([tmp_path / "in"])
    assert len(found.scenes) == 1
    assert Counter(file.reason for file in found.refused) == {"outside-folder": 3}


def test_pipes_dead_links_and_odd_names_are_refused_and_never_waited_for(tmp_path):
    tif(tmp_path / "good.tif")
    os.mkfifo(tmp_path / "pipe.tif")
    os.mkfifo(tmp_path / "pipe.json")
    os.symlink(tmp_path / "gone.tif", tmp_path / "dead.tif")
    os.symlink(tmp_path / "b.tif", tmp_path / "a.tif")
    os.symlink(tmp_path / "a.tif", tmp_path / "b.tif")
    (tmp_path / "folder.tif").mkdir()
    for odd in (b"bell\x07.tif", b"latin\xe9.tif", b"two\nlines.tif"):
        with open(os.fsencode(tmp_path) + b"/" + odd, "wb") as file:
            file.write((tmp_path / "good.tif").read_bytes())
    found = find_scenes([tmp_path])
    assert [scene.id for scene in found.scenes] == ["good"]
    reasons = Counter(file.reason for file in found.refused)
    assert reasons == {"bad-name": 3, "not-an-image": 1, "outside-folder": 3}
    assert all(str(file.path).isascii() and file.detail.isprintable() for file in found.refused)
    assert refusals(tmp_path / "pipe.tif") == {"pipe.tif": "not-an-image"}


def test_an_item_whose_images_are_elsewhere_is_refused_with_the_remedy(tmp_path):
    remote = {"data": {"href": "https://example.org/B04.tif", "type": "image/tiff"}}
    item(tmp_path, "remote", remote)
    item(tmp_path, "gone", {"data": {"href": "gone.tif", "type": "image/tiff"}})
    item(tmp_path, "empty", {})
    found = find_scenes([tmp_path])
    assert {file.reason for file in found.refused} == {"assets-missing"}
    assert any("https://example.org/B04.tif" in file.detail for file in found.refused)


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": 7},
        {"id": "../../escape"},
        {"id": "x" * 300},
        {"id": "a\nb"},
        {"properties": {"datetime": "yesterday"}},
        {"properties": {"datetime": 20231005}},
        {"properties": {"datetime": "0001-01-01T00:00:00+14:00"}},
    ],
    ids=str,
)
def test_an_item_that_makes_no_sense_is_refused_and_the_rest_goes_on(tmp_path, change):
    item(tmp_path / "good")
    tif(tmp_path / "bad" / "x.tif")
    path = item(tmp_path / "bad", assets={"data": {"href": "x.tif", "type": "image/tiff"}})
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    found = find_scenes([tmp_path])
    assert [scene.id for scene in found.scenes] == ["S2B_T52TFM_20231005"]
    assert [file.reason for file in found.refused] == ["bad-item"]


WORDS = ["href", "type", "roles", "eo:bands", "bands", "raster:bands", "name", "scale", "nodata", "data"]
WORDS += ["datetime", "platform", "instruments", "view:sun_azimuth", "gsd"]
junk = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just("x.tif"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["id", "properties", "assets", "collection"]), junk), junk)
def test_no_item_however_odd_ends_in_a_traceback(tmp_path_factory, body, asset):
    folder = tmp_path_factory.mktemp("odd")
    tif(folder / "x.tif")
    body = {"type": "Feature", "stac_version": "1.0.0", "assets": {"data": asset}, **body}
    (folder / "item.json").write_text(json.dumps(body))
    found = find_scenes([folder])
    assert len(describe(found)) == len(found.scenes) + len(found.refused) >= 1


def test_bare_geotiffs_by_tags_and_names(tmp_path):
    tif(tmp_path / "a.tif", tags={**SIMULATED, "TIFFTAG_DATETIME": "2023:10:05 02:15:00"})
    tif(tmp_path / "S2A_MSIL2A_20230105T021051_N0509_R003_T52TFM_20230105T051157.tif", ("B4", "b08", "SCL"),
        dtype=np.uint16)  # fmt: skip
    tif(tmp_path / "yard_2023-10-05.tif", tags={"TIFFTAG_DATETIME": "2023:10:05 02:15:00"})
    tif(tmp_path / "made_2023-10-06.tif", tags={"TIFFTAG_DATETIME": "2024:03:01 09:00:00"})
    tif(tmp_path / "undated.tif", ("B02", "B03", "B04", "B08"), dtype=np.uint16)
    found = {scene.id: scene for scene in find_scenes([tmp_path]).scenes}
    a = found["a"]
    assert (a.sensor, a.simulated, a.taken_at) == ("skysat", True, datetime(2023, 10, 5, 2, 15, tzinfo=UTC))
    s2 = found["S2A_MSIL2A_20230105T021051_N0509_R003_T52TFM_20230105T051157"]
    assert (s2.sensor, s2.bands) == ("sentinel-2-l2a", ("B04", "B08", "SCL"))
    assert s2.taken_at == datetime(2023, 1, 5, 2, 10, 51, tzinfo=UTC)
    assert s2.assets[0].nodata == 0
    # The tag refines the day of the name, but does not overrule it: it may be when the file was written.
    assert found["yard_2023-10-05"].taken_at == datetime(2023, 10, 5, 2, 15, tzinfo=UTC)
    assert found["made_2023-10-06"].taken_at == datetime(2023, 10, 6, tzinfo=UTC)
    assert "day only" in found["made_2023-10-06"].properties["time_from"]
    assert (found["undated"].sensor, found["undated"].taken_at) == ("sentinel-2", None)


def test_band_names_from_descriptions_colours_the_user_and_the_sensor(tmp_path):
    picture(tmp_path / "20231005_021500_07_2455_3B_AnalyticMS_SR.tif", "GTiff", 4, "uint16")
    picture(tmp_path / "colour.tif", "GTiff", 4, photometric="rgb", alpha="unspecified")
    picture(tmp_path / "many.tif", "GTiff", 5, "uint16")
    picture(tmp_path / "grey.jpg", "JPEG", 1)
    found = {scene.id: scene.bands for scene in find_scenes([tmp_path], 3.0).scenes}
    assert found["20231005_021500_07_2455_3B_AnalyticMS_SR"] == ("blue", "green", "red", "nir")
    assert found["colour"] == RGB + ("band_4",)  # noqa: RUF005
    assert found["many"] == ("band_1", "band_2", "band_3", "band_4", "band_5")
    assert found["grey"] == ("grey",)
    stated = find_scenes([tmp_path / "many.tif"], 3.0, ["B02", "B03", "B04", "B08", "SCL"])
    assert stated.scenes[0].bands == ("B02", "B03", "B04", "B08", "SCL")
    assert stated.scenes[0].sensor == "sentinel-2-l2a"
    assert refusals(tmp_path / "many.tif", gsd_m=3.0, bands=["red"]) == {"many.tif": "band-mismatch"}


def test_files_of_one_acquisition_form_one_scene(tmp_path):
    opera = "OPERA_L2_RTC-S1_T137-292319-IW2_20211119T015858Z_20250830T120333Z_S1A_30_v1.0"
    granule = "T52TFM_20231005T021651"
    for name, bands in (
        (f"o/{opera}_VH", ("VH",)),
        (f"o/{opera}_VV", ("VV",)),
        ("p/gdynia_B02", ("grey",)),
        ("p/gdynia_B11", ("grey",)),
        ("p/gdansk_B02", ("grey",)),
        (f"s/R10m/{granule}_B04_10m", ("B04",)),
        (f"s/R20m/{granule}_SCL_20m", ("SCL",)),
        (f"s/R20m/{granule}_B04_20m", ("B04",)),
    ):
        coarse = "R20m" in name
        tif(tmp_path / f"{name}.tif", bands, on=grid(4, 4, 20.0) if coarse else None)
    scenes = {scene.id: scene for scene in find_scenes([tmp_path]).scenes}
    assert sorted(scenes) == [f"o/{opera}", "p/gdansk_B02", "p/gdynia", f"s/{granule}"]
    radar = scenes[f"o/{opera}"]
    assert (radar.bands, radar.sensor) == (("VH", "VV"), "sentinel-1-rtc")
    assert radar.taken_at == datetime(2021, 11, 19, 1, 58, 58, tzinfo=UTC)
    assert (scenes["p/gdynia"].bands, scenes["p/gdynia"].sensor) == (("B02", "B11"), "sentinel-2")
    assert [(asset.path.parent.name, asset.bands) for asset in scenes[f"s/{granule}"].assets] == [
        ("R10m", ("B04",)),
        ("R20m", ("SCL",)),
    ]


def test_images_without_position_need_a_gsd_and_carry_it(tmp_path):
    for name, driver in (("a.png", "PNG"), ("b.jpg", "JPEG"), ("c.tif", "GTiff")):
        picture(tmp_path / name, driver)
    tif(tmp_path / "placed.tif")
    assert refusals(tmp_path) == {"a.png": "no-gsd", "b.jpg": "no-gsd", "c.tif": "no-gsd"}
    found = find_scenes([tmp_path], 0.25)
    assert {scene.id: scene.gsd_m for scene in found.scenes} == {
        "a": 0.25,
        "b": 0.25,
        "c": 0.25,
        "placed": None,
    }
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="give metres"):
            find_scenes([tmp_path], wrong)


def test_what_is_no_image_is_passed_over_and_what_claims_to_be_one_is_refused(tmp_path):
    tif(tmp_path / "good.tif")
    for name in ("notes.txt", "index.csv", "README.md", "tracks.geojson", ".hidden.tif", "._good.tif"):
        (tmp_path / name).write_text("some text")
    (tmp_path / "truth.json").write_text('{"type": "FeatureCollection", "features": []}')
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / ".git").mkdir()
    picture(tmp_path / ".git" / "x.png", "PNG")
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "text.tif").write_text("no image")
    (tmp_path / "else.vrt").write_text(
        '<VRTDataset rasterXSize="8" rasterYSize="8"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{tmp_path}/good.tif</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    (tmp_path / "broken.json").write_text('{"type": "Feature", "stac_ver')
    (tmp_path / "deep.json").write_text("[" * 100_000)
    whole = tif(tmp_path / "cut.tif", on=grid(600, 600)).read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[:90])
    found = find_scenes([tmp_path])
    assert [scene.id for scene in found.scenes] == ["good"]
    assert refusals(tmp_path) == {
        "broken.json": "unreadable",
        "cut.tif": "unreadable",
        "deep.json": "unreadable",
        "else.vrt": "vrt-refused",
        "empty.tif": "empty-file",
        "text.tif": "not-an-image",
    }
    assert all(file.path.name in file.detail for file in found.refused)


def test_files_given_by_name_are_tried_whatever_they_end_in(tmp_path):
    tif(tmp_path / "odd.dat")
    (tmp_path / "notes.txt").write_text("text")
    assert find_scenes([tmp_path / "odd.dat"]).scenes[0].id == "odd"
    assert refusals(tmp_path / "notes.txt") == {"notes.txt": "not-an-image"}
    assert refusals(tmp_path / "notes.txt", tmp_path / "odd.dat") == {"notes.txt": "not-an-image"}


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(InputError, match="looked for STAC Items"):
        find_scenes([tmp_path])
    with pytest.raises(InputError, match="no such file or folder"):
        find_scenes([tmp_path / "gone"])
    with pytest.raises(InputError, match="none given"):
        find_scenes([])


def test_two_scenes_with_one_id(tmp_path):
    item(tmp_path / "a")
    item(tmp_path / "b")
    found = find_scenes([tmp_path])
    assert [Path(scene.properties["item"]).parent.name for scene in found.scenes] == ["a"]
    assert [(file.path.parent.name, file.reason) for file in found.refused] == [("b", "duplicate-id")]


def test_bare_files_that_differ_by_their_ending_or_their_folder_keep_apart(tmp_path):
    for name in ("x/img.png", "x/img.jpg", "y/img.png"):
        picture(tmp_path / name, "PNG" if name.endswith("png") else "JPEG")
    assert [s.id for s in find_scenes([tmp_path], 1).scenes] == ["x/img.jpg", "x/img.png", "y/img"]
    apart = find_scenes([tmp_path / "x" / "img.png", tmp_path / "y" / "img.png"], 1)
    assert [s.id for s in apart.scenes] == ["x/img", "y/img"]
    # A folder and a file in it: the file is one scene.
    assert len(find_scenes([tmp_path / "x", tmp_path / "x" / "img.png"], 1).scenes) == 2


def test_the_same_files_give_the_same_inventory(tmp_path):
    for name in ("b", "a", "c"):
        tif(tmp_path / name / f"{name}_2023-10-05.tif")
    item(tmp_path / "z")
    assert find_scenes([tmp_path]) == find_scenes([tmp_path])
    assert [s.id for s in find_scenes([tmp_path]).scenes] == [
        "S2B_T52TFM_20231005", "a/a_2023-10-05", "b/b_2023-10-05", "c/c_2023-10-05"
    ]  # fmt: skip


def test_info_tells_what_was_understood(tmp_path):
    item(tmp_path / "s2")
    tif(tmp_path / "sky.tif", on=grid(20, 30, 0.5), tags=SIMULATED)
    tif(tmp_path / "mercator.tif", ("B02", "B03"), on=GeoBox(
        (8, 8), Affine(10, 0, 14_500_000, 0, -10, 5_200_000), "EPSG:3857"))  # fmt: skip
    write_cog(tmp_path / "plain.tif", np.ones((3, 8, 8), np.uint8), local_grid(8, 8, 1), RGB)
    rows = {row.id or Path(row.path).name: row for row in describe(find_scenes([tmp_path]))}
    s2, sky = rows["S2B_T52TFM_20231005"], rows["sky"]
    assert (s2.regime, s2.shape, s2.crs, s2.mask) == ("corridor", (8, 8), "EPSG:32652", "nodata 0")
    assert s2.dtype == "uint16 x 0.0001 -0.1, uint8"
    assert "coarser bands" in s2.note
    assert (sky.regime, sky.simulated, sky.sensor) == ("single", True, "skysat")
    assert sky.gsd_m == pytest.approx(0.5, rel=1e-3)
    # Resampled to 7.4 m on the ground, it shows no more than its sensor saw at 10 m.
    assert rows["mercator"].gsd_m == pytest.approx(7.4, rel=0.01)
    assert rows["mercator"].regime == "corridor"
    assert (rows["plain.tif"].refused, rows["plain.tif"].regime) == ("no-gsd", None)


@pytest.mark.parametrize(
    ("stem", "sensor", "taken_at", "band"),
    [
        ("S2B_52TFM_20231005_0_L2A", "sentinel-2-l2a", "2023-10-05", None),
        ("S2_L2A_20220612_bolzano", "sentinel-2-l2a", "2022-06-12", None),
        ("S2A_MSIL1C_20230105T021051_N0509", "sentinel-2", "2023-01-05T02:10:51", None),
        ("T52TFM_20231005T021651_B8A_20m", "sentinel-2", "2023-10-05T02:16:51", "B8A"),
        ("20231005_012345_07_2455_3B_AnalyticMS", "planetscope", "2023-10-05T01:23:45", None),
        ("20231005_012345_1034_3B_Visual", "planetscope", "2023-10-05T01:23:45", None),
        ("20231005_012345_ssc4d3_0012_ortho_visual", "skysat", "2023-10-05T01:23:45", None),
        ("S1A_IW_GRDH_1SDV_20231005T213012_x_VV", "sentinel-1-grd", "2023-10-05T21:30:12", "VV"),
        ("LC08_L2SP_115030_20231005_20231010_02_T1_SR_B4", "landsat", None, "B04"),
        ("yard-2023-10-05T01:23:45Z", None, "2023-10-05T01:23:45", None),
        ("naip_uspp_499_q3", None, None, None),
        ("neg_truck_losangeles_8009013078", None, None, None),
        ("IMG_20231399", None, None, None),
        ("mosaic_2018-08-01_2019-11-30", None, None, None),
        ("20180230", None, None, None),
        ("1234520231005", None, None, None),
    ],
)
def test_names_give_sensor_time_and_band_or_nothing(stem, sensor, taken_at, band):
    facts = read_name(stem)
    assert facts.sensor == sensor
    assert facts.taken_at == (
        None if taken_at is None else datetime.fromisoformat(taken_at).replace(tzinfo=UTC)
    )
    assert facts.band == band


@given(st.text(max_size=60))
def test_no_name_however_odd_breaks(stem):
    facts = read_name(stem)
    assert facts.taken_at is None or 1970 <= facts.taken_at.year < 2100
    assert isinstance(tidy_band(stem), str)


def test_bands_have_one_spelling():
    spelled = {"B4": "B04", "b04": "B04", "B8A": "B8A", "b8a": "B8A", "B12": "B12", "B04 (665 nm)": "B04"}
    spelled |= {"Red": "red", "Gray": "grey", "vv": "VV", "scl": "SCL"}
    assert {name: tidy_band(name) for name in spelled} == spelled
    assert tidy_band("Panchromatic") == "pan"
    assert tidy_band("odd name") == "odd name"


def test_every_real_image_is_understood_or_refused_with_a_reason(real_data):
    images = find_scenes([real_data / "railcars"], 0.5)
    assert len(images.scenes) == 30
    assert images.refused == ()
    yard = next(scene for scene in images.scenes if scene.id == "muttenz_lower_050")
    with open_scene(yard) as raster:
        tile = raster.read()
    assert tile.bands == RGB
    assert 0.6 < tile.valid.mean() < 0.75  # half of the yard is transparent
    ports = {scene.id: scene for scene in find_scenes([real_data / "ports"]).scenes}
    assert ports["gdynia"].bands == ("B02", "B03", "B04", "B08", "B11")
    assert ports["bolzano/S2_L2A_20220612_bolzano"].bands == ("B04", "B03", "B02", "B08", "SCL")
    assert ports["bolzano/S2_L2A_20220612_bolzano"].taken_at == datetime(2022, 6, 12, tzinfo=UTC)
    rows = {row.id: row for row in describe(find_scenes([real_data / "ports"]))}
    assert rows["gdynia"].gsd_m == pytest.approx(5.81, abs=0.02)  # not the 10 m of its Web Mercator pixels
    items = find_scenes([real_data / "stac"])
    assert {file.reason for file in items.refused} == {"assets-missing"}
    radar = find_scenes([real_data / "sentinel-real" / "opera_rtc"])
    assert len(radar.scenes) == 22
    assert {scene.bands for scene in radar.scenes} == {("VH", "VV")}


def test_a_file_of_several_pages_says_that_the_first_is_read(tmp_path):
    from_pages = tmp_path / "pages.tif"
    cv2.imwritemulti(str(from_pages), [np.full((8, 9, 3), value, np.uint8) for value in (50, 90, 120)])
    (row,) = describe(find_scenes([tmp_path], 1.0))
    assert "first of its 3 pages" in row.note
    with open_scene(find_scenes([tmp_path], 1.0).scenes[0]) as raster:
        assert (raster.read().pixels == 50).all()
