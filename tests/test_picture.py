"""What the nets are shown of an image: its colours in one tone, and where they can be believed."""

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from models.wagons.picture import Picture

GRID = GeoBox((40, 60), Affine(0.5, 0, 560_000, 0, -0.5, 4_690_000), "EPSG:32652")
COLOURS = ("red", "green", "blue")


def raster(pixels, bands, valid=None):
    return ArrayRaster(Scene("s", (Asset("a.tif", bands),)), GRID, pixels, valid)


def ground():
    return np.random.default_rng(3).integers(400, 900, (3, 40, 60)).astype(np.uint16)


def test_what_a_mask_calls_cloud_or_lost_is_not_shown_as_ground():
    classes = np.full((1, 40, 60), 5, np.uint16)
    classes[0, :10], classes[0, 10:12], classes[0, 12:14] = 9, 1, 11  # cloud, lost, snow
    valid = np.ones((40, 60), dtype=bool)
    valid[:, -5:] = False
    picture = Picture(raster(np.concatenate([ground(), classes]), (*COLOURS, "SCL"), valid))
    colours, seen = picture.window((slice(5, 20), slice(30, 60)))
    expected = np.ones((15, 30), dtype=bool)
    expected[:7], expected[:, -5:] = False, False
    assert np.array_equal(seen, expected)
    assert colours.shape == (15, 30, 3)


def test_clouds_do_not_set_the_tone():
    pixels, classes = ground(), np.full((1, 40, 60), 5, np.uint16)
    plain = Picture(raster(pixels, COLOURS)).window((slice(20, 40), slice(0, 60)))[0]
    pixels[:, :20], classes[0, :20] = 9000, 9
    masked = Picture(raster(np.concatenate([pixels, classes]), (*COLOURS, "SCL")))
    colours, seen = masked.window((slice(20, 40), slice(0, 60)))
    assert seen.all()
    assert np.abs(colours.astype(int) - plain).max() <= 3


def test_probability_of_cloud_counts_and_without_a_mask_all_is_believed():
    percent = np.zeros((1, 40, 60), np.uint16)
    percent[0, :, :10] = 90
    _, seen = Picture(raster(np.concatenate([ground(), percent]), (*COLOURS, "CLD"))).window(
        np.s_[0:40, 0:60]
    )
    assert seen.sum() == 40 * 50
    assert Picture(raster(ground(), COLOURS)).window(np.s_[0:40, 0:60])[1].all()
