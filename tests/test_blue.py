"""Covers by colour: areas read, named and bounded, on ground and noise that are made up here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from models.measurement import Skip
from models.occupancy.blue import ALL, covers, measured
from models.occupancy.lattice import read_look

BANDS = ("B02", "B03", "B04", "B08")
GRID = GeoBox((44, 60), Affine(10, 0, 5e5, 0, -10, 4.6e6), "EPSG:32652")
YARD = np.array([[20.0, 16], [36, 16], [36, 23], [20, 23], [20, 16]])
TRACK = np.array([[15.0, 26.5], [45, 26.5]])
START = datetime(2019, 1, 5, 2, 16, tzinfo=UTC)
DYES = {"blue": (0.25, 0.14, 0.06, 0.31), "white": (0.47, 0.48, 0.48, 0.47), "green": (0.07, 0.16, 0.08, 0.3)}


def ground(seed=1):
    rng = np.random.default_rng(seed)
    level = np.array([0.11, 0.13, 0.15, 0.19])[:, None, None]
    return level * rng.lognormal(0, 0.25, (1, *GRID.shape)) * rng.lognormal(0, 0.04, (4, *GRID.shape))


def tile(pixels, taken_at, name, bands=BANDS):
    asset = Asset(Path("none.tif"), bands)
    scene = Scene(name, (asset,), "sentinel-2-l2a", taken_at, simulated=True)
    return Tile(pixels.astype(np.float32), np.ones(GRID.shape, dtype=bool), GRID, bands, scene)


def look_at(pixels, taken_at, name, bands=BANDS, yards=(("yard", YARD),), tracks=(("track", TRACK),)):
    one = tile(pixels, taken_at, name, bands)
    return read_look(one, one.valid, yards, tracks)


EVENT = 33


def seen_on(k, pixels):
    """Pixels of a date in its own light, with noise."""
    rng = np.random.default_rng([2, k])
    return pixels * (1 + rng.normal(0, 0.02, (4, 1, 1))) + rng.normal(0, 0.003, pixels.shape)


def day(k):
    return START + timedelta(days=36 * k)


@pytest.fixture(scope="module")
def quiet():
    """Three and a half years without anything."""
    return [look_at(seen_on(k, ground()), day(k), f"date-{k}") for k in range(36)]


def painted(dye, rows=slice(18, 20), cols=slice(25, 28)):
    pixels = ground()
    pixels[:, rows, cols] = np.array(DYES[dye])[:, None, None]
    return pixels


def on_event(quiet, pixels):
    """The covers of one date on which the ground looks like ``pixels``."""
    looks = list(quiet)
    looks[EVENT] = look_at(seen_on(EVENT, pixels), day(EVENT), "event")
    return dict(covers(looks))["event"]


def of(result, area, colour):
    return next(one for one in result if (one.area, one.colour) == (area, colour))


@pytest.mark.parametrize("colour", DYES)
def test_a_stack_is_found_measured_and_named(quiet, colour):
    found = on_event(quiet, painted(colour))
    one = of(found, "yard", colour)
    assert one.area_m2 == pytest.approx(600, rel=0.35)
    assert 0 < one.low_m2 <= 600 <= one.high_m2
    assert one.limit_m2 < 300
    for other in set(DYES) - {colour}:
        assert of(found, "yard", other).low_m2 == 0
    assert of(found, "track", colour).area_m2 < 100
    assert of(found, ALL, colour).area_m2 == pytest.approx(one.area_m2, abs=100)
    (total,) = measured(found, 0.9)
    assert (total.quantity, total.unit) == ("blue_area_m2", "m2")
    assert total.value == of(found, ALL, "blue").area_m2


def test_what_lies_along_the_track_is_the_tracks(quiet):
    found = on_event(quiet, painted("blue", slice(26, 27), slice(30, 38)))
    assert of(found, "track", "blue").low_m2 > 0
    assert of(found, "yard", "blue").area_m2 < 100


def test_ordinary_dates_are_no_alarm(quiet):
    results = dict(covers(quiet))
    assert all(not isinstance(found, Skip) for found in results.values())
    assert sum(of(found, "yard", "blue").low_m2 > 0 for found in results.values()) <= 2


def test_what_is_always_there_is_not_seen():
    roof = painted("blue", slice(18, 22), slice(25, 31))
    looks = [look_at(seen_on(k, roof), day(k), f"date-{k}") for k in range(25)]
    assert all(of(found, "yard", "blue").area_m2 < 100 for _, found in covers(looks))


def test_what_cannot_be_read_says_why(quiet):
    white = look_at(np.full((4, *GRID.shape), 0.8), day(2), "white")
    grey = look_at(ground()[:1], START, "grey", bands=("B02",))
    undated = look_at(ground(), None, "undated")
    noise = np.random.default_rng(3).normal(0, 0.1, (4, *GRID.shape))
    odd = look_at(ground() + noise, day(3), "odd")
    results = covers([*quiet, white, grey, undated, odd])
    reasons = {name: found.reason for name, found in results if isinstance(found, Skip)}
    assert reasons == {"white": "snow", "grey": "no-method", "undated": "no-date", "odd": "unsettled"}
    assert {found.reason for _, found in covers(quiet[:6])} == {"no-baseline"}
    assert covers([]) == []


@pytest.mark.parametrize(("first", "seen"), [(31, True), (22, False)])
def test_half_hidden_yards_count_as_a_whole_and_hidden_ones_not_at_all(quiet, first, seen):
    pixels = painted("blue")
    pixels[:, 14:25, first:37] = np.nan
    found = on_event(quiet, pixels)
    assert any(one.area == "yard" for one in found) == seen
    if seen:
        assert of(found, "yard", "blue").visible_share == pytest.approx(0.65, abs=0.1)
        assert of(found, "yard", "blue").area_m2 > 700


def test_every_point_is_counted_once_and_belongs_to_the_nearest():
    look = look_at(ground(), START, "one")
    in_yard = (look.area == 0).sum() * look.gsd_m**2
    # 160 x 70 m and a pixel about it, less what is nearer to the track.
    assert 160 * 70 < in_yard < 190 * 100
    assert (look.area == 1).sum() >= 2 * 300 / look.gsd_m
    assert look.lengths_m == (0.0, pytest.approx(300, rel=1e-3))
