"""Shifts below one pixel: found where they are, refused where they are not."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imagery.alignment.align import (
    LEAST_DATES,
    MOST_PX,
    Reference,
    Shift,
    aligned,
    measure_shift,
    reference_of,
)
from imagery.errors import InputError
from imagery.grid import local_grid
from imagery.reader import open_scene
from imagery.scenes import Asset, Scene
from imagery.sources.folders.folder import find_scenes
from imagery.tiles import Tile
from imagery.visibility import believable

DATA = Path(os.environ.get("YARDWATCH_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
BANDS = ("B02", "B03", "B04", "B08")
SIDE, FINE, EDGE = 64, 8, 3


def ground(seed):
    """Fields, paths and roofs, (bands, rows, cols), FINE times finer than a pixel, with EDGE around."""
    rng = np.random.default_rng(seed)
    n = (SIDE + 2 * EDGE) * FINE
    fine = np.full((4, n, n), 0.1)
    for _ in range(260):
        r, c = rng.integers(0, n, 2)
        h, w = rng.integers(4, 160, 2)
        fine[:, r : r + h, c : c + w] = rng.uniform(0.03, 0.3, 4)[:, None, None]
    return ndimage.gaussian_filter(fine, (0, 3, 3))  # the optics


GROUND = ground(1)


def look(rng, dx=0.0, dy=0.0, noise=0.004, fine=GROUND, id="s"):
    """A picture of the ground in its own light; dx and dy are multiples of 1/8 px."""
    row, col = (round((EDGE - d) * FINE) for d in (dy, dx))
    side = SIDE * FINE
    cut = fine[:, row : row + side, col : col + side]
    pixels = cut.reshape(4, SIDE, FINE, SIDE, FINE).mean(axis=(2, 4))
    pixels = pixels * rng.uniform(0.8, 1.25, (4, 1, 1)) + rng.normal(0.01, 0.005, (4, 1, 1))
    return make((pixels + rng.normal(0, noise, pixels.shape)).astype(np.float32), id)


def make(pixels, id="s", bands=BANDS, valid=None):
    shape = pixels.shape[1:]
    valid = np.ones(shape, dtype=bool) if valid is None else valid
    return Tile(pixels, valid, local_grid(*shape, 10.0), bands, Scene(id, (Asset("a.tif", bands),)))


def reference(rng, dates=10, noise=0.004):
    tiles = [look(rng, noise=noise) for _ in range(dates)]
    return reference_of(tiles, [tile.valid for tile in tiles], BANDS)


ALL = np.ones((SIDE, SIDE), dtype=bool)
REFERENCE = reference(np.random.default_rng(0))


@settings(max_examples=12, deadline=None)
@given(st.integers(-10, 10), st.integers(-10, 10), st.integers(0, 2**32 - 1))
def test_a_known_shift_is_found_to_a_tenth_of_a_pixel(dx, dy, seed):
    shift = measure_shift(look(np.random.default_rng(seed), dx / 8, dy / 8), ALL, REFERENCE, ALL)
    if dx == dy == 0:
        assert (shift.dx_px, shift.dy_px) == pytest.approx((0, 0), abs=0.05)
    else:
        assert shift.accepted, shift
        assert (shift.dx_px, shift.dy_px) == pytest.approx((dx / 8, dy / 8), abs=0.1)
        assert shift.residual_after < shift.residual_before


def test_noise_is_never_taken_for_a_shift():
    rng = np.random.default_rng(3)
    blank = np.full_like(GROUND, 0.1)
    pure = reference_of(tiles := [look(rng, fine=blank) for _ in range(8)], [t.valid for t in tiles], BANDS)
    for seed in range(8):
        rng = np.random.default_rng(seed)
        assert not measure_shift(look(rng, fine=blank), ALL, pure, ALL).accepted
        assert not measure_shift(look(rng, fine=blank), ALL, REFERENCE, ALL).accepted


def test_other_ground_is_not_taken_for_a_shift():
    for seed in range(10, 14):
        shift = measure_shift(look(np.random.default_rng(seed), fine=ground(seed)), ALL, REFERENCE, ALL)
        assert not shift.accepted
        assert (shift.dx_px, shift.dy_px) == (0, 0)
        assert shift.reason


def test_fields_that_change_do_not_pull_the_shift():
    rng = np.random.default_rng(5)
    tile = look(rng, 0.5, -0.25)
    changed = tile.pixels.copy()
    changed[:, 10:30, 5:40] *= 1.6
    changed[3, 40:55, 20:60] += 0.2
    shift = measure_shift(make(changed), ALL, REFERENCE, ALL)
    assert (shift.dx_px, shift.dy_px) == pytest.approx((0.5, -0.25), abs=0.1)


def test_what_is_masked_or_on_the_yard_has_no_say():
    rng = np.random.default_rng(6)
    tile = look(rng, 0.5, 0.0)
    other = look(rng, -0.75, 0.5).pixels
    part = np.zeros_like(ALL)
    part[:, :24] = True
    pixels = np.where(part, other, tile.pixels)
    for good, off_yard in ((~part, ALL), (ALL, ~part)):
        shift = measure_shift(make(pixels), good, REFERENCE, off_yard)
        assert (shift.dx_px, shift.dy_px) == pytest.approx((0.5, 0.0), abs=0.1)
    gaps = make(np.where(part, np.float32(0), tile.pixels), valid=~part)
    shift = measure_shift(gaps, gaps.valid, REFERENCE, ALL)
    assert (shift.dx_px, shift.dy_px) == pytest.approx((0.5, 0.0), abs=0.1)


def test_too_little_ground_or_too_few_dates_give_no_shift_and_say_so():
    rng = np.random.default_rng(7)
    tile = look(rng, 0.5, 0.5)
    few = np.zeros_like(ALL)
    few[20:34, 20:34] = True
    for shift, word in (
        (measure_shift(tile, few, REFERENCE, ALL), "too few pixels"),
        (measure_shift(tile, ALL & False, REFERENCE, ALL), "too few pixels"),
        (measure_shift(tile, ALL, reference(rng, LEAST_DATES - 1), ALL), "4 other dates"),
    ):
        assert not shift.accepted
        assert (shift.dx_px, shift.dy_px) == (0, 0)
        assert word in shift.reason


def test_a_shift_beyond_the_bound_is_refused():
    rng = np.random.default_rng(8)
    shift = measure_shift(look(rng, 2.0, 0.0), ALL, REFERENCE, ALL)
    assert not shift.accepted
    assert str(MOST_PX) in shift.reason


def test_pixels_that_no_date_shows_are_left_out():
    rng = np.random.default_rng(9)
    tiles = [look(rng) for _ in range(8)]
    seen = ALL.copy()
    seen[:20] = False
    holed = reference_of(tiles, [seen] * 8, BANDS)
    assert np.isnan(holed.detail[:, :20]).all()
    assert np.isfinite(holed.detail[:, 20:]).all()
    shift = measure_shift(look(rng, -0.5, 0.25), ALL, holed, ALL)
    assert (shift.dx_px, shift.dy_px) == pytest.approx((-0.5, 0.25), abs=0.1)


def moved(dx, dy):
    return Shift(dx, dy, 1.0, 0.9, True, "given")


@settings(max_examples=20, deadline=None)
@given(st.floats(-MOST_PX, MOST_PX), st.floats(-MOST_PX, MOST_PX))
def test_there_and_back_is_where_it_was(dx, dy):
    rows, cols = np.mgrid[:SIDE, :SIDE]
    smooth = np.stack([np.sin(rows / 5 + k) + np.cos(cols / 4 - k) for k in range(4)]).astype(np.float32)
    back = aligned(aligned(make(smooth), moved(dx, dy)), moved(-dx, -dy))
    inside = (slice(None), slice(6, -6), slice(6, -6))
    assert np.abs(back.pixels[inside] - smooth[inside]).max() < 0.02


def test_aligning_brings_a_tile_onto_its_reference():
    plain = look(np.random.default_rng(11), noise=0.0)
    off = look(np.random.default_rng(11), 0.625, -0.5, noise=0.0)
    found = measure_shift(off, ALL, REFERENCE, ALL)
    inside = (slice(None), slice(4, -4), slice(4, -4))

    def unlike(tile):
        return 1 - np.corrcoef(tile.pixels[inside].ravel(), plain.pixels[inside].ravel())[0, 1]

    assert unlike(aligned(off, found)) < 0.5 * unlike(off)


def test_classes_keep_their_values_and_what_comes_from_outside_is_not_valid():
    pixels = np.stack([np.full((8, 9), 5000), np.arange(72).reshape(8, 9) % 12]).astype(np.uint16)
    valid = np.ones((8, 9), dtype=bool)
    valid[3, 4] = False
    pixels[0, 3, 4] = 0
    out = aligned(make(pixels, bands=("B04", "SCL"), valid=valid), moved(1.0, 0.0))
    assert (out.pixels[1, :, :-1] == pixels[1, :, 1:]).all()
    assert not out.valid[:, -1].any()
    assert not out.valid[3, 3]
    assert out.valid.sum() == 8 * 8 - 1
    assert (out.pixels[0] == 5000).all()  # a gap does not ring
    assert out.pixels.dtype == np.uint16


def test_no_shift_changes_nothing():
    tile = look(np.random.default_rng(1))
    assert aligned(tile, moved(0.0, 0.0)) is tile


def test_grids_must_agree():
    rng = np.random.default_rng(0)
    small = make(np.zeros((4, 8, 8), np.float32))
    with pytest.raises(InputError, match="one grid"):
        measure_shift(small, small.valid, REFERENCE, small.valid)
    with pytest.raises(InputError, match="one grid"):
        reference_of([small, look(rng)], [small.valid, ALL], BANDS)
    with pytest.raises(InputError, match="one grid"):
        reference_of([], [], BANDS)
    with pytest.raises(InputError, match="must be"):
        Reference(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), BANDS, small.grid, 5)


@pytest.fixture(scope="module")
def fields():
    """The clearest real dates over farmland."""
    files = sorted((DATA / "sentinel-real").glob("S2_L2A_*.nc"))
    if not files:
        pytest.skip(f"no Sentinel-2 cubes under {DATA}; set YARDWATCH_DATA")
    tiles = []
    for scene in find_scenes(files).scenes:
        with open_scene(scene) as raster:
            tile = raster.read(bands=(*BANDS, "SCL"))
        if believable(tile).mean() > 0.97:
            tiles.append(tile)
    return tiles


def test_a_shift_of_real_texture_is_found_to_a_tenth_of_a_pixel(fields):
    """A real date lies off its reference already: what it is moved by on top must come out."""
    tried = 0
    for i in (2, 5, 8, 11):
        others = fields[i - 2 : i] + fields[i + 1 : i + 8]
        usual = reference_of(others, [believable(tile) for tile in others], BANDS)
        start = measure_shift(fields[i], believable(fields[i]), usual, ALL)
        for dx, dy in ((0.4, -0.3), (-0.6, 0.5), (0.25, 0.0)):
            expected = np.array([start.dx_px - dx, start.dy_px - dy])
            if not start.accepted or not 0.3 < np.hypot(*expected) < 1.3:
                continue
            tile = aligned(fields[i], moved(dx, dy))
            found = measure_shift(tile, believable(tile), usual, ALL)
            assert found.accepted, (found, expected)
            assert (found.dx_px, found.dy_px) == pytest.approx(expected, abs=0.1)
            tried += 1
    assert tried >= 5
