"""Simulated places and their visits: energy, linearity, geometry, chance, and what must never be drawn."""

import itertools
import math
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.sites import load_site
from imagery.synthetic.backdrop import CROPS, Backdrop
from imagery.synthetic.coarse import GSD_M, SPREAD_M, Thing, drawn, kernel
from imagery.synthetic.eyes import EYES, SENTINEL_2
from imagery.synthetic.optical import doubled
from imagery.synthetic.places import place_of, random_place
from imagery.synthetic.spectra import BANDS, skylight
from imagery.synthetic.terrain import CELL_M
from imagery.synthetic.tops import HELD_OUT, KNOWN, SMOOTH, draw_top
from imagery.synthetic.trains import colour_of, random_trains, things_of, train_of
from imagery.synthetic.visits import regular_days, visits
from imagery.tracks import tracks_in_pixels

ROOT = Path(__file__).resolve().parents[1]
DAYS = [date(2021, 6, 4), date(2021, 6, 9), date(2022, 9, 2)]


@cache
def place(seed=3, gsd_m=10.0):
    return random_place(np.random.default_rng(seed), gsd_m)


def painted(seed=1, where=None, **how):
    return list(visits(where or place(), np.random.default_rng(seed), DAYS, **how))


# Things and light


@given(st.floats(100, 300), st.floats(100, 300), st.floats(0, 180), st.floats(6, 60), st.floats(2, 30))
@settings(max_examples=15, deadline=None)
def test_a_thing_covers_its_area_about_its_centre(x, y, angle, length, width):
    cells = drawn([Thing((x, y), (length, width), angle, 1e-9, np.ones(1))], (180, 45), (200, 200))
    assert cells.covered.sum() * 4 == pytest.approx(length * width, rel=1e-6)
    assert cells.covered.max() < 1.3
    row, col = np.divmod(cells.at, 200)
    centre = [(part + 0.5) @ cells.covered / cells.covered.sum() * 2 for part in (col, row)]
    assert centre == pytest.approx([x, y], abs=0.6)


@given(st.floats(0, 360), st.floats(15, 70), st.floats(1, 6))
@settings(max_examples=15, deadline=None)
def test_a_shadow_is_as_long_as_the_sun_makes_it_and_lies_away_from_it(azimuth, elevation, height):
    cells = drawn([Thing((200, 200), (8, 8), 0.0, height, np.ones(1))], (azimuth, elevation), (200, 200))
    reach = height / math.tan(math.radians(elevation))
    turn = math.radians(azimuth)
    area = 8 * reach * (abs(math.sin(turn)) + abs(math.cos(turn)))
    assert cells.shaded.sum() * 4 == pytest.approx(area, rel=1e-6)
    row, col = np.divmod(cells.at, 200)
    east, south = ((part + 0.5) @ cells.shaded / cells.shaded.sum() * 2 - 200 for part in (col, row))
    assert east * math.sin(turn) - south * math.cos(turn) < 0


def lit_scene(ground, things, sun):
    """The plain way, against which the fast one is held: reflectance (bands, rows, cols) of every cell."""
    scene = ground.copy()
    cells = drawn(things, sun, ground.shape[1:])
    flat = scene.reshape(len(ground), -1)
    flat[:, cells.at] += cells.contrast(flat[:, cells.at], skylight(sun[1]))
    return scene


def sampled(scene, band, shift_m):
    """One band (rows, cols) of a scene of cells on the sensor's own pixels."""
    down, across = (
        kernel(n, CELL_M, GSD_M[band], SPREAD_M[band], move)
        for n, move in zip(scene.shape, shift_m[::-1], strict=True)
    )
    return (across @ (down @ scene).T).T


def test_registration_moves_the_picture():
    scene = np.full((200, 200), 0.1)
    scene[100:110, 100:110] = 0.6
    still, moved = (sampled(scene, "B04", shift) - 0.1 for shift in ((0.0, 0.0), (4.0, -7.0)))
    rows, cols = np.mgrid[:40, :40]
    for axis, metres in ((cols, 4.0), (rows, -7.0)):
        shift = (axis * moved).sum() / moved.sum() - (axis * still).sum() / still.sum()
        assert shift * 10 == pytest.approx(metres, abs=0.01)


def test_prepared_ground_is_the_ground_painted_cell_by_cell():
    """The fast way and the plain way through the sensor agree within 0.006 of reflectance on dry dates."""
    where = place()
    backdrop = Backdrop(where.terrain, where.reflectance, SENTINEL_2, 2.0, np.random.default_rng(0))
    look = backdrop.look([0.5] * CROPS, 0.0, 0.0, 0.0, np.random.default_rng(2))
    rows, cols = backdrop.shape
    ground = backdrop.cells(look, np.arange(rows * cols)).reshape(len(BANDS), rows, cols)
    things = things_of(where, random_trains(where, 30, np.random.default_rng(5)))
    scene = lit_scene(ground, things, (150, 40))
    shifts = np.random.default_rng(1).normal(0, 2.5, (len(BANDS), 2))
    fast = backdrop.seen(look, shifts, drawn(things, (150, 40), backdrop.shape), skylight(40))
    for index, band in enumerate(BANDS):
        plain = sampled(scene[index], band, tuple(shifts[index]))
        inner = (slice(3, -3), slice(3, -3))
        assert np.abs(fast[band] - plain)[inner].max() < 0.006
        assert np.std((fast[band] - plain)[inner]) < 0.001


@pytest.mark.parametrize("band", ["B02", "B08", "B12"])
def test_a_train_adds_its_contrast_times_its_area_and_two_trains_add_up(band):
    where = place()
    backdrop = Backdrop(where.terrain, where.reflectance, SENTINEL_2, 2.0, np.random.default_rng(0))
    look = backdrop.look([0.0] * CROPS, 0.0, 0.0, 0.0, np.random.default_rng(2))
    index, sky, still = BANDS.index(band), skylight(89.9), np.zeros((len(BANDS), 2))
    middle = where.frame.tracks.length_m(0) / 2

    def change(*trains):
        cells = drawn(things_of(where, trains), (180, 89.9), backdrop.shape)
        with_trains = backdrop.seen(look, still, cells, sky)[band]
        gained = (with_trains - backdrop.seen(look, still, None, sky)[band]).sum() * GSD_M[band] ** 2
        covered = cells.covered * 4
        return gained, float((covered * (0.5 - backdrop.cells(look, cells.at)[index])).sum())

    one = train_of(middle - 90, 6, np.full(len(BANDS), 0.5))
    other = train_of(middle + 10, 4, np.full(len(BANDS), 0.5))
    gained, expected = change(one)
    assert gained == pytest.approx(expected, rel=0.02)
    assert change(one, other)[0] == pytest.approx(gained + change(other)[0], rel=1e-6)


def test_doubling_keeps_the_mean_and_a_slope():
    plane = np.add.outer(np.arange(5.0), 2 * np.arange(7.0))
    fine = doubled(plane)
    assert fine.shape == (10, 14)
    assert fine.mean() == pytest.approx(plane.mean())
    assert np.diff(fine, axis=1)[:, 1:-1] == pytest.approx(1.0)


# Places


@pytest.mark.parametrize("seed", range(4))
def test_random_places_are_yards(seed):
    where = place(seed)
    count = len(where.site.tracks)
    assert 2 <= count <= 14
    lengths = [where.frame.tracks.length_m(i) for i in range(count)]
    assert all(200 < length < 1600 for length in lengths)
    gaps = []
    for one, other in zip(where.tracks_m[:-1], where.tracks_m[1:], strict=True):
        between = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1)).min()
        gaps.append(between)
    assert min(gaps) > 4.0
    rows, cols = where.frame.grid.shape
    assert all((line > 100).all() and (line < [cols - 100, rows - 100]).all() for line in where.tracks_m)


def test_a_place_comes_again_from_its_seed():
    one, other = random_place(np.random.default_rng(7)), random_place(np.random.default_rng(7))
    assert np.array_equal(one.terrain.material, other.terrain.material)
    assert one.site.id == other.site.id
    assert not np.array_equal(one.reflectance, place(8).reflectance)


def test_real_sites_can_be_painted():
    site = load_site(ROOT / "seeds" / "sites" / "tumangang.geojson")
    where = place_of(site, np.random.default_rng(0))
    (visit,) = visits(where, np.random.default_rng(0), DAYS[:1], cars=[30])
    lines = dict(tracks_in_pixels(site, visit.raster.grid))
    drawn_there = where.tracks_m[0] / 10
    assert lines[site.tracks[0].id] == pytest.approx(drawn_there, abs=0.01)
    assert set(visit.truth.segments) == {track.id for track in site.tracks}
    assert visit.truth.railcars == 30


# Visits


def test_the_same_seed_paints_the_same_visits():
    for one, other in zip(painted(), painted(), strict=True):
        assert np.array_equal(one.raster.read().pixels, other.raster.read().pixels)
        assert one.truth == other.truth
    assert not np.array_equal(painted()[0].raster.read().pixels, painted(seed=2)[0].raster.read().pixels)


@pytest.mark.parametrize("sensor", ["sentinel-2", "planetscope", "sentinel-1"])
def test_a_visit_says_what_it_is(sensor):
    gsd = EYES[sensor].gsd_m if sensor in EYES else 10.0
    for visit in painted(where=place(3, gsd), sensor=sensor, cars=[0, 25, 60]):
        scene, tile = visit.raster.scene, visit.raster.read()
        assert scene.simulated
        assert "SIMULATED" in scene.properties["title"]
        assert scene.taken_at.date() in (visit.day, date.fromordinal(visit.day.toordinal() - 1))
        assert tile.gsd_m == pytest.approx(gsd, rel=1e-3)
        assert np.isfinite(tile.pixels).all()
        assert (tile.pixels[:-1][:, tile.valid] > 0).all()
    assert visit.truth.railcars == sum(s.cars for own in visit.truth.segments.values() for s in own) == 60


def test_truth_counts_gaps_between_coupled_wagons_and_nothing_else():
    where = place()
    start = where.frame.tracks.length_m(1) / 2 - 80
    standing = [train_of(start, 10, KNOWN["coal"], length_m=12.82, track=1)]
    (visit,) = visits(where, np.random.default_rng(0), DAYS[:1], trains=[standing])
    taken = 10 * 12.82 + 9 * 1.1
    assert visit.truth.occupied_track_m == pytest.approx(taken)
    assert visit.truth.occupied_by_track_m[where.site.tracks[1].id] == pytest.approx(taken)
    assert visit.truth.railcars == 10


@given(st.integers(0, 100), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_trains_stay_on_their_tracks_and_apart(cars, seed):
    where = place()
    trains = random_trains(where, cars, np.random.default_rng(seed))
    assert sum(len(train.tops) for train in trains) <= cars
    for train in trains:
        assert train.start_m >= 0
        assert train.end_m <= where.frame.tracks.length_m(train.track)
    for one, after in itertools.pairwise(trains):
        assert one.track != after.track or one.end_m + 5 < after.start_m


def test_a_yard_that_is_full_holds_no_more():
    where = place()
    trains = random_trains(where, 5000, np.random.default_rng(0))
    assert 20 < sum(len(train.tops) for train in trains) < where.track_length_m / 11


def test_trains_change_their_own_pixels_and_no_others():
    where = place()
    empty, full = (
        next(visits(where, np.random.default_rng(4), DAYS[:1], sky="clear", trains=[standing]))
        for standing in ([], random_trains(where, 40, np.random.default_rng(1)))
    )
    change = np.abs(full.raster.read().pixels[:10] - empty.raster.read().pixels[:10]).max(axis=0)
    points = np.concatenate(where.tracks_m) / 10
    near = np.zeros(change.shape, dtype=bool)
    near[points[:, 1].astype(int), points[:, 0].astype(int)] = True
    rows, cols = np.nonzero(~near)
    apart = np.array(
        [np.hypot(points[:, 1] - r, points[:, 0] - c).min() for r, c in zip(rows, cols, strict=True)]
    )
    assert change[near].max() > 0.02
    assert change[rows[apart > 12], cols[apart > 12]].max() < 2e-4


def test_weather_takes_its_share():
    days = regular_days(date(2019, 1, 2), date(2020, 12, 30), 19)
    seen = list(visits(place(), np.random.default_rng(0), days))
    states = [visit.truth.state for visit in seen]
    assert 0.15 < states.count("cloud") / len(states) < 0.6
    assert states.count("clear") > 5
    lush = [v.raster.read(bands=["B08"]).pixels.mean() for v in seen if v.truth.state == "clear"]
    assert max(lush) > 1.15 * min(lush)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"sensor": "modis"}, "unknown sensor 'modis'"),
        ({"sensor": "planetscope"}, r"random_place\(rng, 3\)"),
        ({"cars": [1, 2]}, "wagons of 2 dates for 3 days"),
    ],
)
def test_what_cannot_be_painted_is_refused(how, words):
    with pytest.raises(InputError, match=words):
        painted(**how)


# Tops


def test_there_are_enough_tops_and_a_third_is_held_out():
    assert len(KNOWN) + len(HELD_OUT) >= 27
    assert not set(KNOWN) & set(HELD_OUT)
    assert len(HELD_OUT) / (len(KNOWN) + len(HELD_OUT)) >= 0.33
    for spectrum in (*KNOWN.values(), *HELD_OUT.values()):
        assert spectrum.shape == (len(BANDS),)
        assert (spectrum > 0.01).all()
        assert (spectrum < 0.7).all()


def test_held_out_tops_are_never_drawn_as_known():
    rng = np.random.default_rng(0)
    drawn_known = {draw_top(rng)[0] for _ in range(3000)}
    assert drawn_known == set(KNOWN) | {SMOOTH}
    assert {draw_top(rng, "held-out")[0] for _ in range(1000)} == set(HELD_OUT)
    for visit in painted(cars=[60, 60, 60]):
        assert visit.truth.tops
        assert not set(visit.truth.tops) & set(HELD_OUT)
    for visit in painted(cars=[60, 60, 60], stock="held-out"):
        assert set(visit.truth.tops) <= set(HELD_OUT)


def test_held_out_tops_are_spread_over_the_spectra():
    """None is a copy of a known one, and they are as dark, as bright and as coloured."""
    logs = {name: np.log(spectrum) for name, spectrum in {**KNOWN, **HELD_OUT}.items()}
    for name in HELD_OUT:
        nearest = min(np.sqrt(np.mean((logs[name] - logs[other]) ** 2)) for other in KNOWN)
        assert nearest > 0.1, name
    means = np.array([spectrum[:3].mean() for spectrum in HELD_OUT.values()])
    assert means.min() < 0.06
    assert means.max() > 0.3


def test_colours_have_their_names():
    for name, colour in {
        "blue tarpaulin": "blue", "white tarpaulin": "white", "green tarpaulin": "green", "coal": "other",
        "sand": "other", "blue container": "blue", "weathered steel": "other", "grey tarpaulin": "other",
    }.items():  # fmt: skip
        assert colour_of(KNOWN[name]) == colour, name
