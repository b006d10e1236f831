"""Simulated radar: speckle, sides, headings, orbits."""

import math
from datetime import date

import numpy as np
import pytest

from imagery.synthetic.coarse import Thing
from imagery.synthetic.places import random_place
from imagery.synthetic.radar import LOOKS, Orbit, echoes, speckle
from imagery.synthetic.trains import random_trains
from imagery.synthetic.visit import along_tracks
from imagery.synthetic.visits import regular_days, visits

EAST = Orbit(1, "ascending", 90.0, 39.0, (1.0, 1.0))


def wagon(angle=90.0):
    return Thing((100.0, 100.0), (14.0, 3.0), angle, 3.5, np.zeros(10))


def test_speckle_has_the_spread_of_its_looks_and_neighbours_are_alike():
    noise = speckle(np.random.default_rng(0), (300, 300))
    assert noise.mean() == pytest.approx(1, abs=0.01)
    assert noise.std() == pytest.approx(1 / math.sqrt(LOOKS), rel=0.1)
    assert 0.2 < np.corrcoef(noise[:, :-1].ravel(), noise[:, 1:].ravel())[0, 1] < 0.8
    assert noise.min() > 0


def test_the_line_lies_on_the_side_that_faces_the_sensor_and_the_top_is_laid_over():
    """The sensor looks east, so it stands in the west."""
    wall, top = echoes(wagon(), EAST, np.random.default_rng(0))
    assert wall.centre_m[0] == pytest.approx(100 - 1.5 - 0.5)
    assert top.centre_m[0] == pytest.approx(100 - 3.5 / math.tan(math.radians(39)))
    west = Orbit(2, "descending", 270.0, 39.0, (1.0, 1.0))
    assert echoes(wagon(), west, np.random.default_rng(0))[0].centre_m[0] == pytest.approx(102)


def test_a_wall_that_faces_the_sensor_is_much_brighter():
    facing, aslant = (echoes(wagon(a), EAST, np.random.default_rng(0))[0].spectrum[0] for a in (90.0, 45.0))
    assert facing > 8 * aslant


def test_orbits_have_their_own_geometry_and_trains_are_seen():
    place = random_place(np.random.default_rng(3))
    days = regular_days(date(2020, 4, 1), date(2020, 10, 30), 12)
    trains = random_trains(place, 80, np.random.default_rng(0))
    rows, cols = along_tracks(place)
    levels = []
    for standing in ([], trains):
        seen = list(
            visits(place, np.random.default_rng(1), days, sensor="sentinel-1", trains=[standing] * len(days))
        )
        levels.append(np.mean([v.raster.read().pixels[:, rows, cols].mean(axis=1) for v in seen], axis=0))
        orbits = {
            (v.raster.scene.properties["sat:relative_orbit"], v.raster.scene.properties["sat:orbit_state"])
            for v in seen
        }
        assert 2 <= len(orbits) <= 3
        assert {state for _, state in orbits} == {"ascending", "descending"}
    assert (levels[1] > 1.2 * levels[0]).all()
    assert levels[0][0] > 3 * levels[0][1]
