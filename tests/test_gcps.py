"""Images placed by ground control points: each pixel where the points say, to less than half a pixel."""

import json
import warnings
from contextlib import suppress
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.control import GroundControlPoint

from imagery.errors import UnreadableError, YardwatchError
from imagery.grid import map_to_pixel
from imagery.reader import open_scene
from imagery.sources.files.gcps import MAX_POINTS
from imagery.sources.folders.folder import find_scenes
from imagery.sources.network.copy import Window, _read
from imagery.sources.offers import RemoteBand

ROWS, COLS = 300, 400
MARKS = ((60, 80), (250, 60), (70, 310), (150, 200), (280, 380))
TO_LONLAT = Transformer.from_crs(32652, 4326, always_xy=True)
VV = "s1a-iw-grd-vv-20231005t213012-20231005t213037-050629-061a7c-001.tiff"
VH = "s1a-iw-grd-vh-20231005t213012-20231005t213037-050629-061a7c-002.tiff"


def truth(col, row):
    """Where a descending swath saw a point of its image: turned, mirrored and bent, in UTM metres."""
    u, v, turn = col * 10.0 - 2000, row * 10.0 - 1500, np.deg2rad(192)
    east = 560_000 + np.cos(turn) * u + np.sin(turn) * v + 6e-6 * u**2
    return east, 4_690_000 + np.sin(turn) * u - np.cos(turn) * v + 4e-9 * v**3


def points(step=40):
    found = []
    for row in range(0, ROWS + 1, step):
        for col in range(0, COLS + 1, step):
            lon, lat = TO_LONLAT.transform(*truth(col, row))
            found.append(GroundControlPoint(row, col, lon, lat, 30.0))
    return found


def swath(path, gcps=None, nodata=None, crs="EPSG:4326", dtype="uint16", **options):
    """A GRD measurement as its provider writes it: bright marks on even ground, five rows of border."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((ROWS, COLS), 50, dtype)
    for row, col in MARKS:
        pixels[row - 1 : row + 2, col - 1 : col + 2] = 5000
    pixels[:5] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", height=ROWS, width=COLS, count=1, dtype=dtype,
            gcps=points() if gcps is None else gcps, crs=crs, nodata=nodata, **options,
        ) as file:  # fmt: skip
            file.write(pixels, 1)
    return path


def only(path):
    found = find_scenes([path])
    assert found.refused == ()
    (scene,) = found.scenes
    return scene


def errors(tile, layer=0):
    """Distance of each mark from its true place, in pixels."""
    for row, col in MARKS:
        (place,) = map_to_pixel(tile.grid, np.array([truth(col + 0.5, row + 0.5)]))
        x, y = place.astype(int)
        rows, cols = np.mgrid[y - 6 : y + 7, x - 6 : x + 7]
        weight = np.clip(tile.pixels[layer][rows, cols].astype(float) - 50, 0, None)
        seen = np.array([(weight * (cols + 0.5)).sum(), (weight * (rows + 0.5)).sum()]) / weight.sum()
        yield float(np.hypot(*(seen - place)))


def test_each_mark_lies_where_the_points_say(tmp_path):
    swath(tmp_path / VV)
    with open_scene(only(tmp_path)) as raster:
        assert str(raster.grid.crs) == "EPSG:32652"
        assert (raster.grid.affine.a, raster.grid.affine.e) == (10.0, -10.0)
        assert raster.grid.affine.c % 10 == raster.grid.affine.f % 10 == 0
        tile = raster.read()
        assert max(errors(tile)) < 0.25
        # A window shows the same pixels as the whole.
        roi = (slice(100, 180), slice(90, 200))
        part = raster.read(roi)
    assert np.abs(part.pixels[0].astype(int) - tile.pixels[0][roi]).max() <= 60
    assert (part.valid == tile.valid[roi]).all()
    area = tile.valid.sum() / (ROWS * COLS)
    assert area == pytest.approx(1 - 5 / ROWS, abs=0.02)  # turned corners and the border are no data
    assert tile.pixels[0][tile.valid].min() == 50  # the border is not mixed in


def test_without_a_nodata_value_only_the_turned_corners_are_missing(tmp_path):
    swath(tmp_path / "odd.tif", dtype="float32")
    with open_scene(only(tmp_path)) as raster:
        tile = raster.read()
    assert max(errors(tile)) < 0.25
    assert tile.valid.sum() / (ROWS * COLS) == pytest.approx(1, abs=0.02)


def test_both_polarisations_of_a_product_are_one_scene(tmp_path):
    folder = tmp_path / "S1A_IW_GRDH_1SDV_20231005T213012.SAFE" / "measurement"
    swath(folder / VV)
    swath(folder / VH)
    scene = only(tmp_path)
    assert scene.sensor == "sentinel-1-grd"
    assert scene.bands == ("VH", "VV")
    assert scene.taken_at == datetime(2023, 10, 5, 21, 30, 12, tzinfo=UTC)
    assert scene.properties["backscatter"] == "linear amplitude, not calibrated"
    with open_scene(scene) as raster:
        assert max(errors(raster.read())) < 0.25


def test_an_invented_transform_in_an_item_is_not_believed(tmp_path):
    swath(tmp_path / "vv.tif")
    body = {
        "type": "Feature", "stac_version": "1.0.0", "id": "grd",
        "collection": "sentinel-1-grd", "geometry": None,
        "properties": {"datetime": "2023-10-05T21:30:12Z", "proj:epsg": 32652, "proj:shape": [ROWS, COLS],
                       "proj:transform": [10, 0, 100_000, 0, -10, 5_000_000]},
        "assets": {"vv": {"href": "vv.tif", "type": "image/tiff", "roles": ["data"],
                          "proj:transform": [10, 0, 100_000, 0, -10, 5_000_000]}},
    }  # fmt: skip
    (tmp_path / "grd.json").write_text(json.dumps(body))
    scene = only(tmp_path)
    assert scene.bands == ("VV",)
    assert scene.properties["backscatter"] == "linear amplitude, not calibrated"
    with open_scene(scene) as raster:
        assert max(errors(raster.read())) < 0.25


def test_a_fetch_copies_a_window_to_where_the_points_place_it(tmp_path):
    band = RemoteBand("VV", "https://example.org/vv.tif")
    row, col = MARKS[3]
    east, north = truth(col + 0.5, row + 0.5)
    lon, lat = TO_LONLAT.transform(east, north)
    window = Window((lon - 0.005, lat - 0.004, lon + 0.005, lat + 0.004), 0.0)
    with rasterio.open(swath(tmp_path / "vv.tif")) as dataset:
        piece = _read(dataset, band, window)
    assert str(piece.grid.crs) == "EPSG:32652"
    rows, cols = np.nonzero(piece.pixels == 5000)
    ((x, y),) = map_to_pixel(piece.grid, np.array([[east, north]]))
    assert np.hypot(cols.mean() + 0.5 - x, rows.mean() + 0.5 - y) < 0.5


def test_a_fetch_refuses_a_file_that_nothing_places(tmp_path):
    band = RemoteBand("VV", "https://example.org/vv.tif")
    path = swath(tmp_path / "vv.tif", points()[:3])
    with rasterio.open(path) as dataset, pytest.raises(UnreadableError) as caught:
        _read(dataset, band, Window((129.72, 42.35, 129.73, 42.36), 0.0))
    assert caught.value.reason == "no-position"


def line():
    return [GroundControlPoint(i * 10, i * 10, 129.0 + i / 100, 42.0 + i / 100, 0.0) for i in range(8)]


@pytest.mark.parametrize(
    "gcps", [points()[:3], line(), points(step=8)[: MAX_POINTS + 1]], ids=["three", "line", "many"]
)
def test_points_that_place_nothing_are_refused_with_the_remedy(tmp_path, gcps):
    swath(tmp_path / "x.tif", gcps)
    (refused,) = find_scenes([tmp_path]).refused
    assert refused.reason == "no-gsd"
    assert "control points" in refused.detail


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(numbers, numbers, numbers, numbers), min_size=4, max_size=7))
def test_no_points_however_odd_end_in_a_traceback(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("odd") / "x.tif"
    swath(path, [GroundControlPoint(*value, 0.0) for value in values])
    found = find_scenes([path])
    assert len(found.scenes) + len(found.refused) == 1
    for scene in found.scenes:
        with suppress(YardwatchError), open_scene(scene) as raster:
            raster.read((slice(0, 1), slice(0, 1)))
