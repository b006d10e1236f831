"""Tiles as pictures: one stretch for all windows, and nothing invented where there is no data."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.grid import local_grid
from imagery.quicklook import Stretch, encode, picture_bands, to_rgb8
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene


def raster(pixels, bands, valid=None):
    return ArrayRaster(
        Scene("s", (Asset("a.tif", bands),)), local_grid(*pixels.shape[1:], 1.0), pixels, valid
    )


@pytest.mark.parametrize(
    ("bands", "shown"),
    [
        (("nir", "red", "green", "blue"), ("red", "green", "blue")),
        (("B02", "B03", "B04", "B08", "SCL"), ("B04", "B03", "B02")),
        (("VH", "VV"), ("VH",)),
        (("SCL", "B11"), ("B11",)),
        (("SCL",), ("SCL",)),
    ],
)
def test_colours_are_chosen_by_name(bands, shown):
    assert picture_bands(bands) == shown


def test_eight_bit_pictures_are_shown_as_they_are(tmp_path):
    pixels = np.random.default_rng(0).integers(40, 90, (4, 30, 20)).astype(np.uint8)
    valid = np.ones((30, 20), dtype=bool)
    valid[:3] = False
    image = raster(pixels, ("blue", "green", "red", "nir"), valid)
    stretch = Stretch.of(image)
    assert stretch.identity
    shown = to_rgb8(image.read(), stretch)
    assert np.array_equal(shown[3:], np.moveaxis(pixels[[2, 1, 0]], 0, -1)[3:])
    assert (shown[:3] == 0).all()


@given(st.integers(0, 20), st.integers(0, 20))
def test_every_window_is_shown_like_that_part_of_the_whole(top, left):
    ramp = (1000 + 7 * np.arange(60 * 50)).reshape(1, 60, 50).astype(np.uint16)
    image = raster(np.concatenate([ramp, 2 * ramp, ramp + 500]), ("B04", "B03", "B02"))
    stretch = Stretch.of(image)
    roi = slice(top, top + 30), slice(left, left + 20)
    whole = to_rgb8(image.read(), stretch)
    assert np.array_equal(to_rgb8(image.read(roi), stretch), whole[roi])
    assert whole.min() == 0
    assert whole.max() == 255
    assert (np.diff(whole[..., 0].ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize("fill", [0.0, 0.3, np.nan, np.inf])
def test_flat_empty_and_infinite_images_are_no_trouble(fill):
    pixels = np.full((2, 9, 9), fill, np.float32)
    valid = np.isfinite(pixels).all(axis=0)
    image = raster(pixels, ("VV", "VH"), valid)
    shown = to_rgb8(image.read(), Stretch.of(image))
    assert shown.shape == (9, 9, 3)
    assert shown.dtype == np.uint8


def test_pictures_survive_their_file(tmp_path):
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, :30] = (200, 50, 20)
    for kind, tolerance in (("png", 0), ("jpeg", 12)):
        back = cv2.imdecode(np.frombuffer(encode(rgb, kind), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(back[:, :25].astype(int) - rgb[:, :25]).max() <= tolerance
    with pytest.raises(InputError, match="cannot be written"):
        encode(np.zeros((0, 4, 3), np.uint8))
    with pytest.raises(InputError, match="1 or 3 bands"):
        Stretch.of(raster(np.ones((2, 4, 4), np.uint16), ("B04", "B03")), ["B04", "B03"])
