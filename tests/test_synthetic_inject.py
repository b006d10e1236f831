"""Trains injected into a date: as painting them would have done, and nothing else."""

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pytest

from imagery.errors import InputError
from imagery.synthetic.coarse import Thing
from imagery.synthetic.inject import inject, metres_of
from imagery.synthetic.places import random_place
from imagery.synthetic.spectra import BANDS
from imagery.synthetic.tops import KNOWN
from imagery.synthetic.trains import on_line, random_trains, things_of, train_of
from imagery.synthetic.visits import visits
from imagery.tiles import Tile
from imagery.tracks import tracks_in_pixels

DAY = date(2021, 6, 4)


@cache
def place(gsd_m=10.0):
    return random_place(np.random.default_rng(3), gsd_m)


@cache
def visit(sensor="sentinel-2", cars=0, sky="clear"):
    """The same date, air and noise, empty or not."""
    where = place(10.0 if sensor == "sentinel-2" else 3.0)
    standing = random_trains(where, cars, np.random.default_rng(1))
    (one,) = visits(where, np.random.default_rng(4), [DAY], sensor=sensor, sky=sky, trains=[standing])
    return one, things_of(where, standing)


def flat(level=0.2, shape=(60, 64)):
    """A tile of one brightness, Sentinel-2's ten bands and classes."""
    tile = visit()[0].raster.read((slice(0, shape[0]), slice(0, shape[1])))
    pixels = np.full(tile.pixels.shape, level, dtype=np.float64)
    pixels[-1] = 5
    return Tile(pixels, np.ones(shape, dtype=bool), tile.grid, tile.bands, tile.scene)


def thing(x=300.0, y=300.0, level=0.5, height=1e-9):
    return Thing((x, y), (14.0, 3.0), 30.0, height, np.full(len(BANDS), level))


def test_injecting_nothing_changes_nothing():
    tile = visit()[0].raster.read()
    assert inject(tile, []) is tile


def test_area_times_contrast_is_kept_in_every_band():
    added = inject(flat(), [thing()]).pixels - flat().pixels
    for index in range(len(BANDS)):
        assert added[index].sum() * 100 == pytest.approx(0.3 * 14 * 3, rel=1e-3)
    assert not added[-1].any()


def test_wagons_add_up():
    one, other = thing(), thing(x=320.0, level=0.05)
    both = inject(flat(), [one, other]).pixels
    apart = inject(flat(), [one]).pixels + inject(flat(), [other]).pixels - flat().pixels
    assert both == pytest.approx(apart, abs=1e-9)


def test_a_shadow_darkens():
    added = inject(flat(), [thing(level=0.2, height=4.0)]).pixels - flat().pixels
    assert (added[0].sum() * 100) < -0.2 * 0.3 * 14 * 2


@pytest.mark.parametrize(("sensor", "least"), [("sentinel-2", 0.97), ("planetscope", 0.98)])
def test_injection_is_like_painting(sensor, least):
    """Into the empty date: the change agrees with the painted one, and is within a quarter as large.

    It cannot be exact: the ground under a train is known from blurred pixels only.
    """
    (empty, _), (full, things) = visit(sensor), visit(sensor, cars=50)
    before, after = empty.raster.read(), full.raster.read()
    shifted = tuple(empty.truth.registration_m)
    added = inject(before, things, shift_m=shifted).pixels - before.pixels
    for index, band in enumerate(before.bands[:-1]):
        painted, injected = (part[index].ravel() for part in (after.pixels - before.pixels, added))
        # Detector noise follows the signal, and so differs a little between the painted dates.
        assert np.corrcoef(painted, injected)[0, 1] > least, band
        assert (painted @ injected) / (painted @ painted) == pytest.approx(1, abs=0.25), band


def test_classes_mask_noise_and_what_lies_apart_stay():
    tile = visit()[0].raster.read()
    line = metres_of(tile, dict(tracks_in_pixels(place().site, tile.grid))[place().site.tracks[0].id])
    train = train_of(100.0, 5, KNOWN["white tarpaulin"])
    after = inject(tile, on_line(line, train))
    assert np.array_equal(after.valid, tile.valid)
    assert np.array_equal(after.band("SCL"), tile.band("SCL"))
    assert after.pixels.dtype == tile.pixels.dtype
    changed = np.abs(after.pixels[:-1] - tile.pixels[:-1]).max(axis=0) > 1e-4
    middle = np.array(things_of(place(), [train])[2].centre_m) / 10
    rows, cols = np.nonzero(changed)
    assert changed.any()
    assert np.hypot(cols - middle[0], rows - middle[1]).max() < 4 + 10


def test_nothing_is_added_under_cloud():
    tile = flat()
    pixels = tile.pixels.copy()
    pixels[-1] = 9
    clouded = Tile(pixels, tile.valid.copy(), tile.grid, tile.bands, tile.scene)
    assert np.array_equal(inject(clouded, [thing()]).pixels, pixels)


def test_every_product_says_that_it_is_injected():
    tile = flat()
    real = Tile(
        tile.pixels.copy(), tile.valid.copy(), tile.grid, tile.bands, replace(tile.scene, simulated=False)
    )
    scene = inject(real, [thing()]).scene
    assert scene.simulated
    assert scene.properties["injection"] == "SIMULATED injection of 1 wagons"
    assert scene.id != real.scene.id
    assert "SIMULATED" in scene.id


def test_whole_numbers_stay_whole_and_data():
    tile = flat()
    numbers = Tile(
        (tile.pixels * 1e4).astype(np.uint16), tile.valid.copy(), tile.grid, tile.bands, tile.scene
    )
    after = inject(numbers, [thing(level=0.9)], unit=1e4)
    assert after.pixels.dtype == np.uint16
    gained = (after.pixels[0].astype(float) - numbers.pixels[0]).sum() / 1e4 * 100
    assert gained == pytest.approx(0.7 * 42, rel=0.05)


def test_coarser_bands_follow_their_own_pixels_wherever_the_tile_starts():
    """Cut 10 m further in, a 20 m band gives the same change at the same place."""
    whole = flat()
    part = inject(whole, [thing()])
    tile = visit()[0].raster.read((slice(1, 60), slice(1, 64)))
    cut = Tile(
        whole.pixels[:, 1:, 1:].copy(), np.ones((59, 63), dtype=bool), tile.grid, whole.bands, tile.scene
    )
    moved = inject(cut, [replace(thing(), centre_m=(290.0, 290.0))])
    assert moved.pixels == pytest.approx(part.pixels[:, 1:, 1:], abs=1e-4)


def test_what_cannot_be_injected_is_refused():
    tile = flat()
    dark = replace(tile.scene, sun_elevation_deg=None)
    with pytest.raises(InputError, match="where the sun stood"):
        inject(Tile(tile.pixels.copy(), tile.valid.copy(), tile.grid, tile.bands, dark), [thing()])
    radar = Tile(tile.pixels[:1].copy(), tile.valid.copy(), tile.grid, ("VV",), tile.scene)
    with pytest.raises(InputError, match="VV: no point spread is known"):
        inject(radar, [thing()])
