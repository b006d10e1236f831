"""What lies out of the detector's reach is refused with the reason; sharp pictures by day are not."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.config import RunConfig
from evidence.run import run
from imagery.grid import local_grid
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.light import Light
from imagery.synthetic.paint import paint, paint_chip
from imagery.synthetic.rakes import random_rakes
from imagery.synthetic.sensor import Optics
from imagery.synthetic.yards import random_layout
from models.wagons.data import backgrounds, held_out, labelled
from models.wagons.reach import Look, detail_db, judge, look, noise_of, reach


def opened(rgb, gsd, valid=None, **taken):
    scene = Scene("x", (Asset(Path("x"), ("red", "green", "blue")),), gsd_m=gsd, **taken)
    pixels = np.ascontiguousarray(np.moveaxis(rgb, 2, 0))
    return ArrayRaster(scene, local_grid(*rgb.shape[:2], gsd), pixels, valid)


def yard(seed, gsd=0.5, size=288, snow=0.0, light=None, **optics):
    rng = np.random.default_rng(seed)
    layout = replace(random_layout(rng, (size * gsd, size * gsd)), snow=snow)
    placed = random_rakes(rng, layout, snow=0.8 * snow)
    camera = Optics(**{"gsd_m": gsd, "level": 115.0} | optics)
    return np.array(paint(layout, placed, light or Light(), camera, rng, (size, size)).image)


def reasons(rasters):
    found = [reach(raster) for raster in rasters]
    return [skip.reason if skip else "" for skip in found]


def resampled(rgb, times, way=cv2.INTER_CUBIC):
    return cv2.resize(rgb, None, fx=times, fy=times, interpolation=way)


@pytest.mark.parametrize("gsd", [0.2, 0.5, 0.8, 1.2])
def test_sharp_pictures_by_day_are_in_reach(gsd):
    pictures = [np.array(paint_chip(np.random.default_rng(s), gsd_m=gsd, size=320).image) for s in range(8)]
    assert reasons([opened(rgb, gsd) for rgb in pictures]).count("") >= 7
    assert "blurred" not in reasons([opened(yard(s, gsd, 224), gsd) for s in range(6)])


@pytest.mark.parametrize("gsd", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("way", [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST])
def test_pictures_resampled_from_3_m_are_not(gsd, way):
    fine = [yard(s, 1.5, 192) for s in range(6)]
    coarse = [cv2.resize(rgb, (96, 96), interpolation=cv2.INTER_AREA)[:72, :72] for rgb in fine]
    found = reasons([opened(resampled(rgb, 3.0 / gsd, way), gsd) for rgb in coarse])
    assert found.count("blurred") >= 5


def test_the_same_picture_passes_at_its_own_pixels_and_fails_smeared():
    sharp = yard(3, 0.5, 320)
    assert reach(opened(sharp, 0.5)) is None
    assert reach(opened(cv2.GaussianBlur(sharp, (0, 0), 4.0), 0.5)).reason == "blurred"
    smear = np.full((1, 24), 1 / 24, np.float32)
    skip = reach(opened(cv2.filter2D(sharp, -1, smear), 0.5))
    assert skip.reason == "blurred"
    assert "original pixels" in skip.detail


def test_night_haze_and_snow_are_refused_by_their_own_names():
    assert reasons([opened(yard(s, level=7.0, noise=5.0), 0.5) for s in range(3)]) == ["night"] * 3
    dim = Light(haze=0.975)
    assert reasons([opened(yard(s, light=dim, level=None), 0.5) for s in range(3)]) == ["haze"] * 3
    assert reasons([opened(yard(s, snow=0.95), 0.5) for s in range(6)]).count("snow") >= 4
    assert "snow" not in reasons([opened(yard(s), 0.5) for s in range(6)])


def test_angles_speak_before_pixels():
    sharp = yard(3)
    assert reach(opened(sharp, 0.5, off_nadir_deg=20.0, sun_elevation_deg=30.0)) is None
    assert reach(opened(sharp, 0.5, off_nadir_deg=-41.0)).reason == "off-nadir"
    low = reach(opened(sharp, 0.5, sun_elevation_deg=4.0))
    assert low.reason == "low-sun"
    assert "4 degrees" in low.detail
    assert "10" in low.detail


def test_what_lies_along_the_tracks_decides():
    sharp, blurred = yard(3, 0.5, 288), cv2.GaussianBlur(yard(4, 0.5, 288), (0, 0), 5.0)
    both = opened(np.hstack([sharp, blurred]), 0.5)
    assert reach(both, [np.array([[60.0, 20.0], [60.0, 280.0]])]) is None
    assert reach(both, [np.array([[480.0, 20.0], [480.0, 280.0]])]).reason == "blurred"


def test_what_holds_no_data_says_nothing():
    sharp = yard(3)
    half = np.ones(sharp.shape[:2], bool)
    half[:, 190:] = False
    assert reach(opened(np.where(half[..., None], sharp, 0), 0.5, half)) is None
    assert look(opened(sharp, 0.5, np.zeros_like(half))) is None
    assert look(opened(sharp[:30, :30], 0.5)) is None


@settings(max_examples=30)
@given(
    fine=st.floats(-60, 0),
    one_way=st.floats(-60, 0),
    bright=st.floats(0, 255),
    contrast=st.floats(0, 255),
    noise=st.floats(0, 30),
    white=st.floats(0, 1),
    better=st.floats(0, 20),
)
def test_a_better_picture_is_never_refused_where_a_worse_one_passes(
    fine, one_way, bright, contrast, noise, white, better
):
    worse = Look(fine, one_way, 0.5, bright, contrast, noise, white, 0.95)
    best = replace(
        worse,
        fine_db=fine + better,
        one_way_db=one_way + better,
        bright=bright + better,
        contrast=contrast + better,
        white=white / 2,
    )
    assert not (judge(worse) is None and judge(best) is not None)


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), sigma=st.floats(0.5, 12))
def test_noise_is_measured_whatever_lies_beneath(seed, sigma):
    rng = np.random.default_rng(seed)
    slope = np.linspace(60, 180, 128)[None] + np.linspace(0, 20, 128)[:, None]
    grey = (slope + rng.normal(0, sigma, (128, 128))).astype(np.float32)
    assert noise_of(grey, np.ones((128, 128), bool)) == pytest.approx(sigma, rel=0.25)


@settings(max_examples=10)
@given(gain=st.floats(0.3, 2.0), level=st.floats(-40, 40))
def test_brightness_and_contrast_do_not_change_how_sharp_a_picture_is(gain, level):
    grey = cv2.cvtColor(yard(3), cv2.COLOR_RGB2GRAY).astype(np.float32)
    valid = np.ones(grey.shape, bool)
    before = detail_db(grey, valid, 0.5, 0.0)
    after = detail_db(grey * np.float32(gain) + np.float32(level), valid, 0.5, 0.0)
    assert after == pytest.approx(before, abs=0.1)


def test_a_run_skips_what_is_out_of_reach(tmp_path):
    blurred = cv2.GaussianBlur(yard(4, 0.5, 320), (0, 0), 5.0)
    cv2.imwrite(str(tmp_path / "yard_20230901.png"), blurred[..., ::-1])
    run(RunConfig(tiles=(tmp_path,), gsd_m=0.5), tmp_path / "out", "c")
    assert pd.read_csv(tmp_path / "out" / "measurements.csv").empty
    (row,) = pd.read_csv(tmp_path / "out" / "skips.csv").itertuples()
    assert row.reason == "blurred"


def test_no_labelled_yard_is_refused(real_data):
    chips = list(labelled(real_data / "railcars", use=None))
    assert len(chips) >= 6
    for chip in chips:
        assert reach(chip.raster()) is None, chip.name
        assert reach(chip.raster(), chip.tracks) is None, chip.name


def test_real_ground_that_set_no_limit_is_seldom_refused(real_data):
    kept = [chip for site, chip in backgrounds(real_data / "backgrounds") if held_out(site)]
    refused = [skip.reason for chip in kept if (skip := reach(chip.raster())) is not None]
    assert len(kept) > 60
    assert len(refused) <= 0.03 * len(kept)
    assert "blurred" not in refused
