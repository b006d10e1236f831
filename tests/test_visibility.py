"""What can be believed, and how much of a track was seen."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from odc.geo.geobox import GeoBox

from imagery.grid import local_grid, pixel_to_lonlat
from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from imagery.visibility import believable, share_along, share_of_tracks, shares


def tile(classes, valid=None, bands=("B04", "SCL")):
    rows, cols = classes.shape
    pixels = np.stack([np.full((rows, cols), 700, classes.dtype), classes])[: len(bands)]
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
