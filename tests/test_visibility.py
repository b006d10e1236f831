"""What can be believed, and how much of a track was seen."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from odc.geo.geobox import GeoBox

from imagery.eaten import eaten
from imagery.errors import InputError
from imagery.grid import local_grid, pixel_to_lonlat
from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from imagery.visibility import (
    believable,
    clouded,
    share_along,
    share_by_track,
    share_of_tracks,
    shares,
    shares_of_areas,
)


def tile(classes, valid=None, bands=("B04", "SCL")):
    rows, cols = classes.shape
    pixels = np.stack([np.full((rows, cols), 70, classes.dtype), classes])[: len(bands)]
    valid = np.ones((rows, cols), dtype=bool) if valid is None else valid
    return Tile(pixels, valid, local_grid(rows, cols, 10.0), bands, Scene("s", (Asset("a.tif", bands),)))


def test_each_class_is_kept_or_dropped_as_its_meaning_says():
    classes = np.arange(12, dtype=np.uint16)[None]
    kept = np.flatnonzero(believable(tile(classes))[0])
    assert kept.tolist() == [2, 4, 5, 6, 7, 11]  # dark, plants, bare, water, unclassified, snow
    found = shares(tile(classes))
    assert (found.clear * 12, found.snow * 12) == pytest.approx((5, 1))
    assert (found.clouded * 12, found.missing * 12) == pytest.approx((4, 2))


@given(
    hnp.arrays(np.uint16, (6, 7), elements=st.integers(0, 11)),
    hnp.arrays(bool, (6, 7)),
    hnp.arrays(bool, (6, 7)),
)
def test_shares_add_up_and_agree_with_the_mask(classes, valid, where):
    found = shares(tile(classes, valid), where)
    parts = (found.clear, found.snow, found.clouded, found.missing)
    assert sum(parts) == pytest.approx(1)
    assert min(parts) >= 0
    kept = believable(tile(classes, valid))
    assert not (kept & ~valid).any()
    if where.any():
        assert found.clear + found.snow == pytest.approx(kept[where].mean())
    else:
        assert found.missing == 1


def test_without_classes_only_the_mask_speaks():
    valid = np.array([[True, False, True]])
    one = tile(np.zeros((1, 3), np.uint16), valid, bands=("B04",))
    assert believable(one).tolist() == valid.tolist()
    assert shares(one).clear == pytest.approx(2 / 3)


def test_share_along_a_line_is_by_length_and_counts_what_is_off_the_image_as_unseen():
    mask = np.zeros((10, 100), dtype=bool)
    mask[:, :40] = True
    grid = local_grid(10, 100, 0.5)
    assert share_along(mask, grid, np.array([[0.0, 5.0], [100.0, 5.0]])) == pytest.approx(0.4, abs=0.01)
    assert share_along(mask, grid, np.array([[-100.0, 5.0], [100.0, 5.0]])) == pytest.approx(0.2, abs=0.01)
    # Points that lie closer in one half must not weigh more.
    uneven = np.array([*([x, 5.0] for x in np.linspace(0, 40, 60)), [100.0, 5.0]])
    assert share_along(mask, grid, uneven) == pytest.approx(0.4, abs=0.01)
    assert share_along(mask, grid, np.array([[np.nan, 5.0], [10.0, 5.0]])) == 0
    assert share_along(mask, grid, np.array([[5.0, 5.0], [5.0, 5.0]])) == 1


def test_tracks_weigh_by_length_and_none_is_not_seen():
    mask = np.zeros((10, 100), dtype=bool)
    mask[:5] = True
    grid = local_grid(10, 100, 0.5)
    long, short = np.array([[0.0, 2.0], [90.0, 2.0]]), np.array([[0.0, 8.0], [30.0, 8.0]])
    assert share_of_tracks(mask, grid, [long, short]) == pytest.approx(0.75, abs=0.01)
    assert share_of_tracks(mask, grid, []) == 0


@pytest.mark.parametrize("crs", ["EPSG:32652", "EPSG:3857"])
def test_degrees_and_pixels_give_the_same_share(crs):
    grid = GeoBox((100, 100), Affine(10, 0, 560_000, 0, -10, 4_690_000), crs)
    mask = np.tri(100, dtype=bool)
    line = np.array([[10.0, 20.0], [90.0, 60.0], [50.0, 95.0]])
    degrees = share_along(mask, grid, pixel_to_lonlat(grid, line), lonlat=True)
    assert degrees == pytest.approx(share_along(mask, grid, line), abs=0.01)
    assert 0.2 < degrees < 0.8


@pytest.mark.parametrize(
    ("dtype", "clear", "cloud"), [(np.uint8, 49, 50), (np.float32, 0.49, 0.5), (np.float32, 1.5, 60.0)]
)
def test_probability_of_cloud_counts_from_one_half(dtype, clear, cloud):
    probability = np.array([[clear, cloud, 0]], dtype)
    one = tile(probability, bands=("B04", "CLD"))
    assert believable(one).tolist() == [[True, False, True]]
    assert shares(one).clouded == pytest.approx(1 / 3)


def test_a_clear_day_of_one_percent_beside_reflectance_is_clear():
    """Read in one tile with reflectance, percent are floats; 1 % is not a share of one."""
    probability = np.array([[0, 1, 1]], np.float32)
    assert believable(tile(probability, bands=("B04", "CLD"))).all()


def test_class_and_probability_are_both_heard_and_snow_under_cloud_is_cloud():
    classes = np.array([[4, 9, 11, 11, 0]], np.uint8)
    probability = np.array([[80, 0, 90, 10, 99]], np.uint8)
    pixels = np.stack([classes, probability])
    valid = np.array([[True, True, True, True, False]])
    scene = Scene("s", (Asset("a.tif", ("SCL", "CLD")),))
    one = Tile(pixels, valid, local_grid(1, 5, 10.0), ("SCL", "CLD"), scene)
    assert believable(one).tolist() == [[False, False, False, True, False]]
    assert clouded(one).tolist() == [[True, True, True, False, False]]
    found = shares(one)
    assert (found.clear, found.snow, found.clouded, found.missing) == pytest.approx((0, 0.2, 0.6, 0.2))


def test_each_yard_and_each_track_has_its_own_share():
    classes = np.full((20, 40), 4, np.uint8)
    classes[:, 20:] = 9
    classes[:10, :20] = 11
    one = tile(classes)
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=float)
    corners = {"snowy": (0, 0), "half": (15, 10), "off": (35, 0), "away": (100, 100)}
    found = shares_of_areas(one, {name: square + np.array(at) for name, at in corners.items()})
    assert found["snowy"].snow == 1
    assert (found["half"].clear, found["half"].clouded) == pytest.approx((0.5, 0.5))
    assert (found["off"].clouded, found["off"].missing) == pytest.approx((0.5, 0.5))
    assert found["away"].missing == 1
    lines = [("a", np.array([[0.0, 5.0], [20.0, 5.0]])), ("b", np.array([[10.0, 5.0], [30.0, 5.0]]))]
    assert share_by_track(believable(one), lines) == pytest.approx({"a": 1.0, "b": 0.5}, abs=0.02)


YARD = np.zeros((40, 60), dtype=bool)
YARD[15:23, 10:50] = True


def date(seed, called=None, bright=0.35, light=1.0, bands=("B02", "B04", "SCL")):
    """A yard of bright concrete among fields; ``called`` is what the classes say is cloud."""
    rng = np.random.default_rng(seed)
    ground = np.random.default_rng(0).uniform(0.05, 0.12, YARD.shape)
    pixels = np.stack([np.where(YARD, bright * tint, ground) for tint in (1.0, 1.1)])
    pixels = pixels * light * rng.normal(1, 0.01, pixels.shape)
    classes = np.where(YARD & False if called is None else called, 9, 5)
    grid = local_grid(*YARD.shape, 10.0)
    scene = Scene(f"s{seed}", (Asset("a.tif", bands),))
    return Tile(np.stack([*pixels, classes]).astype(np.float32), np.ones_like(YARD), grid, bands, scene)


OTHERS = [date(seed, YARD if seed % 2 else None, light=0.9 + 0.03 * seed) for seed in range(1, 8)]


def test_a_yard_that_is_called_cloud_and_looks_as_always_is_given_back():
    one = date(20, YARD, light=1.2)
    found = eaten(one, OTHERS, YARD)
    assert (found.pixels == YARD).all()
    assert (found.given_back, found.left) == (1, 0)
    assert (believable(one) | found.pixels).all()


def test_a_cloud_on_the_yard_is_not_given_back():
    one = date(20, YARD, bright=0.6)
    found = eaten(one, OTHERS, YARD)
    assert not found.pixels.any()
    assert (found.given_back, found.left) == (0, 1)


def test_a_cloud_that_reaches_beyond_the_yard_is_a_cloud_whatever_its_values():
    wide = np.zeros_like(YARD)
    wide[8:34, 5:58] = True
    found = eaten(date(20, wide), OTHERS, YARD)
    assert not found.pixels.any()
    assert (found.given_back, found.left) == (0, 0)


def test_without_enough_other_dates_nothing_is_given_back():
    overcast = [date(seed, np.ones_like(YARD)) for seed in range(1, 8)]
    for others in (OTHERS[:2], overcast, []):
        found = eaten(date(20, YARD), others, YARD)
        assert not found.pixels.any()
        assert found.left == 1


def test_only_the_patch_that_is_ground_is_given_back():
    called = np.zeros_like(YARD)
    called[15:23, 10:25] = called[15:23, 38:50] = True
    one = date(20, called)
    pixels = one.pixels.copy()
    pixels[:2, 15:23, 38:50] += 0.3
    one = Tile(pixels, one.valid.copy(), one.grid, one.bands, one.scene)
    found = eaten(one, OTHERS, YARD)
    assert found.pixels[15:23, 10:25].all()
    assert not found.pixels[:, 38:].any()
    assert (found.given_back, found.left) == (1, 1)


def test_the_guard_needs_one_grid():
    with pytest.raises(InputError, match="one grid"):
        eaten(date(1), OTHERS, YARD[1:])
