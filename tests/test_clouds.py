"""OmniCloudMask as one more layer: by a stand-in of its interface, and the package where it is installed."""

import importlib.metadata
import json
import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.config import load_config
from evidence.files import sha256
from evidence.run import run
from imagery.clouds import BLOCK_PX, MARGIN_PX, CloudMask, omnicloudmask
from imagery.eaten import eaten
from imagery.errors import ConfigError, UnreadableError
from imagery.reader import open_scene
from imagery.sensors import OMNICLOUDMASK
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from imagery.visibility import believable

BANDS = ("B02", "B03", "B04", "B08", "SCL")
BRIGHT = 6000


def grid(rows, cols, gsd=10.0):
    return GeoBox((rows, cols), Affine(gsd, 0, 600_000, 0, -gsd, 4_700_000), "EPSG:32652")


def write(folder, pixels, name="S2A_52TFM_20230913_0_L2A.tif", gsd=10.0, bands=BANDS):
    folder.mkdir(exist_ok=True)
    write_cog(folder / name, pixels, grid(*pixels.shape[1:], gsd), bands, nodata=0)
    (scene,) = [s for s in find_scenes([folder]).scenes if s.assets[0].path.name == name]
    return scene


def field(rows=60, cols=80, seed=0, bands=5):
    """Dark ground, which the scene classification calls bare."""
    pixels = np.random.default_rng(seed).integers(900, 1100, (bands, rows, cols)).astype(np.uint16)
    pixels[-1] = 5
    return pixels


def judged(scene, weights):
    return open_scene(replace(scene, clouds=weights))


class Package:
    """Calls whatever is bright in red a thick cloud, and answers in the package's own shape."""

    def __init__(self):
        self.calls = []

    def predict_from_array(self, pixels, **options):
        assert pixels.dtype == np.float32
        assert pixels.ndim == 3
        assert len(pixels) == 3
        self.calls.append((pixels, options))
        return (np.nan_to_num(pixels[0]) > BRIGHT / 2).astype(np.uint8)[None]


@pytest.fixture
def package(monkeypatch):
    omnicloudmask.cache_clear()
    stand_in = Package()
    monkeypatch.setitem(sys.modules, "omnicloudmask", stand_in)
    monkeypatch.setattr("imagery.clouds.version", lambda name: "1.8.1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")  # so that what the room sets is taken back
    return stand_in


@pytest.fixture
def weights(tmp_path):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "net.safetensors").write_bytes(b"stand-in")
    return folder


def test_its_clouds_join_those_of_the_scene(tmp_path, package, weights):
    pixels = field()
    pixels[:4, 10:20, 30:50] = BRIGHT
    pixels[:, 50:] = 0  # no data
    pixels[-1, 30:35] = 8
    scene = write(tmp_path / "tiles", pixels)
    with judged(scene, weights) as raster, open_scene(scene) as plain:
        tile, before = raster.read(), plain.read()
        part = raster.read((slice(5, 15), slice(25, 60)), (OMNICLOUDMASK, "B04"))
        alone = raster.read(bands=(OMNICLOUDMASK,))
    assert tile.bands == (*BANDS, OMNICLOUDMASK)
    np.testing.assert_array_equal(tile.pixels[:-1], before.pixels)
    expected = np.zeros((60, 80), bool)
    expected[10:20, 30:50] = True
    np.testing.assert_array_equal(tile.band(OMNICLOUDMASK) == 100, expected)
    np.testing.assert_array_equal(alone.band(OMNICLOUDMASK) == 100, expected)
    np.testing.assert_array_equal(part.band(OMNICLOUDMASK) == 100, expected[5:15, 25:60])
    np.testing.assert_array_equal(believable(tile), believable(before) & ~expected)
    assert believable(before)[10:20, 30:50].all()
    ((shown, options),) = package.calls  # one patch, judged once
    assert np.isnan(shown[:, 50:]).all()
    assert np.isfinite(shown[:, :50]).all()
    assert options["destination_model_dir"] == str(weights)
    assert options["patch_size"] == 60
    assert np.isnan(options["no_data_value"])
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_a_pixel_is_judged_alike_whatever_is_read(tmp_path, package, weights):
    rng = np.random.default_rng(3)
    side = 2 * BLOCK_PX + 90
    pixels = field(side, 130)
    pixels[:4, rng.random((side, 130)) < 0.3] = BRIGHT
    scene = write(tmp_path / "tiles", pixels)
    with judged(scene, weights) as raster:
        windows = [(slice(r, r + 40), slice(c, c + 50)) for r, c in ((680, 7), (0, 0), (1395, 60), (690, 80))]
        parts = [raster.read(roi, (OMNICLOUDMASK,)).band(OMNICLOUDMASK) for roi in windows]
        whole = raster.read(bands=(OMNICLOUDMASK,)).band(OMNICLOUDMASK)
    for (rows, cols), part in zip(windows, parts, strict=True):
        np.testing.assert_array_equal(part, whole[rows, cols])
    np.testing.assert_array_equal(whole == 100, pixels[2] == BRIGHT)
    assert len(package.calls) == 3
    assert max(max(shown.shape[1:]) for shown, _ in package.calls) <= BLOCK_PX + 2 * MARGIN_PX


def test_fine_images_are_judged_at_ten_metres(tmp_path, package, weights):
    bands = ("blue", "green", "red", "nir")
    pixels = field(100, 120, bands=4)
    pixels[-1] = 1000
    pixels[:, 40:60, 20:80] = BRIGHT
    scene = write(tmp_path / "tiles", pixels, "20230913_021600_78_2461_3B_AnalyticMS_SR.tif", 2.5, bands)
    assert scene.sensor == "planetscope"
    with judged(scene, weights) as raster:
        tile = raster.read(bands=(OMNICLOUDMASK,))
        small = raster.read(bands=(OMNICLOUDMASK,), shape=(50, 60))
    assert package.calls[0][0].shape == (3, 25, 30)
    np.testing.assert_array_equal(tile.band(OMNICLOUDMASK) == 100, pixels[0] == BRIGHT)
    np.testing.assert_array_equal(small.band(OMNICLOUDMASK), tile.band(OMNICLOUDMASK)[::2, ::2])


def test_what_has_no_infrared_is_read_as_it_is(tmp_path, weights):
    pixels = field(bands=3)
    scene = write(tmp_path / "tiles", pixels, "S1A_IW_20230913T213000_RTC.tif", bands=("VV", "VH", "angle"))
    with judged(scene, weights) as raster:  # the package is not even there
        assert raster.bands == ("VV", "VH", "angle")


def test_what_it_eats_of_a_bright_yard_is_given_back(tmp_path, package, weights):
    yard = np.zeros((60, 80), bool)
    yard[20:32, 30:50] = True
    tiles = []
    for day in (8, 10, 13, 15, 18):
        pixels = field(seed=day)
        pixels[:4, yard] = BRIGHT + 10 * day
        scene = write(tmp_path / "tiles", pixels, f"S2A_52TFM_202309{day:02d}_0_L2A.tif")
        with judged(scene, weights) as raster:
            tiles.append(raster.read())
    assert not believable(tiles[0])[yard].any()
    found = eaten(tiles[0], tiles[1:], yard)
    np.testing.assert_array_equal(found.pixels, yard)


def test_without_the_package_the_extra_is_named(weights, monkeypatch):
    omnicloudmask.cache_clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setitem(sys.modules, "omnicloudmask", None)
    with pytest.raises(ConfigError, match=r"pip install 'yardwatch\[clouds\]'"):
        omnicloudmask(weights)


def test_weights_are_not_fetched(tmp_path, package):
    with pytest.raises(ConfigError, match="downloads no weights by itself"):
        omnicloudmask(tmp_path)


@pytest.mark.parametrize("answer", ["raises", "wrong shape"])
def test_a_date_that_it_cannot_judge_says_so(tmp_path, answer, monkeypatch):
    def classes(pixels):
        if answer == "raises":
            raise ValueError("Cannot pass 'force_download=True' when offline mode is enabled.")
        return np.zeros((3, 3), np.uint8)

    scene = write(tmp_path / "tiles", field())
    monkeypatch.setattr("imagery.reader.omnicloudmask", lambda folder: CloudMask((), "0", classes))
    with judged(scene, tmp_path) as raster:
        with pytest.raises(UnreadableError, match="OmniCloudMask") as caught:
            raster.read()
    assert caught.value.reason == "clouds-failed"


def test_a_config_asks_for_both_or_none(tmp_path):
    path = tmp_path / "c.yaml"
    for text in ("clouds: omnicloudmask", "clouds_weights: weights"):
        path.write_text(f"tiles: [tiles]\n{text}\n")
        with pytest.raises(ConfigError, match="go together"):
            load_config(path)
    path.write_text("tiles: [tiles]\nclouds: omnimask\nclouds_weights: w\n")
    with pytest.raises(ConfigError, match="omnicloudmask"):
        load_config(path)


def test_a_run_names_and_hashes_what_decided(tmp_path, package, weights):
    write(tmp_path / "tiles", field())
    path = tmp_path / "c.yaml"
    path.write_text("tiles: [tiles]\nclouds: omnicloudmask\nclouds_weights: weights\n")
    run(load_config(path), tmp_path / "out", "yardwatch run c.yaml")
    facts = (tmp_path / "out" / "run.json").read_text()
    assert '"omnicloudmask": "1.8.1"' in facts
    assert str(tmp_path) not in facts
    hashes = json.loads(facts)["inputs_sha256"]
    assert hashes["weights/net.safetensors"] == sha256(weights / "net.safetensors")


@pytest.mark.skipif(
    find_spec("omnicloudmask") is None, reason="OmniCloudMask (the extra [clouds]) is not installed"
)
def test_the_package_itself(tmp_path):
    folder = os.environ.get("YARDWATCH_CLOUD_WEIGHTS")
    if not folder:
        pytest.skip("YARDWATCH_CLOUD_WEIGHTS names no folder with its weights")
    mask = omnicloudmask(Path(folder))
    assert mask.version == importlib.metadata.version("omnicloudmask")
    found = mask.classes(np.full((3, 64, 96), 0.1, np.float32))
    assert found.shape == (64, 96)
    assert set(np.unique(found)) <= {0, 1, 2, 3}
    with judged(write(tmp_path / "tiles", field()), Path(folder)) as raster:
        assert set(np.unique(raster.read(bands=(OMNICLOUDMASK,)).pixels)) <= {0, 100}
