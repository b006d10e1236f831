"""Radar by its own orbit, and beside optical: on speckle and levels that are made up here."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from evidence.checkpoint import Checkpoint
from evidence.coarse.dates import together
from evidence.coarse.tables import PAIR_COLUMNS, cover_rows, pair_rows, write_coarse
from evidence.ledger import Outcome, Sighting
from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from models.measurement import PASS, Measurement, Skip
from models.occupancy import fuse, radar
from models.occupancy.lattice import Look, power, read_look

GRID = GeoBox((40, 60), Affine(10, 0, 5e5, 0, -10, 4.6e6), "EPSG:32652")
TRACKS = [(f"track-{k}", np.array([[10.0, 20 + k / 2], [50.0, 20 + k / 2]])) for k in range(4)]
START = datetime(2021, 1, 3, 21, 30, tzinfo=UTC)
ORBITS = (("descending", 61), ("ascending", 54))
DATES = 40
OPTICAL = ("B02", "B03", "B04", "B08")
WAITING = Skip("waiting", "for the other dates")


def scene(name, taken_at, orbit, sensor="sentinel-1-rtc"):
    said = {} if orbit is None else {"sat:orbit_state": orbit[0], "sat:relative_orbit": orbit[1]}
    return Scene(
        name, (Asset(Path("x.tif"), ("VV", "VH")),), sensor, taken_at, simulated=True, properties=said
    )


def echo(k, filled_m=0.0, wet_db=0.0):
    """Power (2, rows, cols) of date ``k``: its own pattern by orbit, speckle, and a train on the tracks."""
    rng, own = np.random.default_rng([5, k]), np.random.default_rng([6, k % 2])
    level = np.array([0.09, 0.015])[:, None, None] * own.lognormal(0, 0.4, (2, *GRID.shape))
    level = level * 10 ** (wet_db / 10)
    if filled_m:
        cells = slice(12, 12 + round(filled_m / 20))
        # As much beyond the ground, in one row of pixels, as 30 m2 of usual ground a metre.
        level[:, 20:22, cells] += (
            np.array([0.09, 0.015])[:, None, None] * 30 * filled_m / 100 / 2 / (cells.stop - cells.start)
        )
    return level * rng.gamma(5, 1 / 5, (2, *GRID.shape))


def look(k, name=None, unit="linear", orbit="own", taken_at=None, tracks=TRACKS, **kinds):
    pixels = echo(k, **kinds)
    pixels = {"linear": pixels, "db": 10 * np.log10(pixels), "amplitude": 700 * np.sqrt(pixels)}[unit]
    sensor = "sentinel-1-grd" if unit == "amplitude" else "sentinel-1-rtc"
    when = taken_at or START + timedelta(days=6 * k)
    one = scene(name or f"date-{k}", when, ORBITS[k % 2] if orbit == "own" else orbit, sensor)
    tile = Tile(pixels.astype(np.float32), np.ones(GRID.shape, dtype=bool), GRID, ("VV", "VH"), one)
    return read_look(tile, tile.valid, (), tracks)


@pytest.fixture(scope="module")
def quiet():
    return [look(k) for k in range(DATES)]


def read(looks, name):
    return dict(radar.occupied(looks))[name]


def test_more_train_reads_more_and_none_reads_little(quiet):
    metres = []
    for filled in (0.0, 300.0, 700.0):
        found = read([*quiet, look(2 * DATES, "now", filled_m=filled)], "now")
        assert [one.quantity for one in found] == ["occupied_track_m", "railcar_equivalents"]
        assert {one.method for one in found} == {"radar"}
        metres.append(found[0].value)
        assert found[0].low <= filled <= found[0].high
    assert metres[0] < 250 < metres[2]
    assert metres[0] < metres[1] < metres[2]


def test_a_wet_day_is_no_train(quiet):
    dry = read([*quiet, look(2 * DATES, "now")], "now")[0].value
    wet = read([*quiet, look(2 * DATES, "now", wet_db=1.5)], "now")[0].value
    # What the surroundings share is taken off by more than half.
    assert wet - dry < 0.5 * (10**0.15 - 1) * len(quiet[0].area) * 100 / radar.RESPONSE[0]


def test_decibels_and_amplitudes_read_like_power(quiet):
    values = []
    for unit in ("linear", "db", "amplitude"):
        looks = [look(2 * k, unit=unit) for k in range(12)]
        values.append(read([*looks, look(60, "now", unit=unit, filled_m=500)], "now")[0].value)
    assert values == pytest.approx([values[0]] * 3, rel=1e-3)


def test_orbits_are_not_held_against_each_other(quiet):
    # Nine dates of one orbit and one of another: the one has no history.
    looks = [look(2 * k) for k in range(10)]
    assert read([*looks, look(61, "other")], "other").reason == "no-baseline"
    assert "ascending 54" in read([*looks, look(61, "other")], "other").detail
    # Where nothing says the orbit, all are one group.
    looks = [look(k, orbit=None) for k in range(24)]
    assert looks[0].orbit == "unknown"
    assert not isinstance(read([*looks, look(61, "other", orbit=None)], "other"), Skip)


def test_what_cannot_be_read_says_why(quiet):
    away = [("away", TRACKS[0][1] + np.array([55.0, 0]))]
    odd = [
        look(60, "bare", tracks=[]),
        look(60, "away", tracks=away),
        replace(look(60, "undated"), taken_at=None),
    ]
    found = dict(radar.occupied([*quiet, *odd]))
    reasons = {name: one.reason for name, one in found.items() if isinstance(one, Skip)}
    assert reasons == {"bare": "no-tracks", "away": "outside-image", "undated": "no-date"}
    assert radar.occupied([]) == []


def test_walls_face_the_radar_where_tracks_run_north(quiet):
    north = [("north", np.array([[30.0, 2.0], [30.0, 38.0]]))]
    assert look(0, tracks=north).facing > 0.7
    assert look(0).facing < 0.1
    assert look(0, tracks=north, orbit=None).facing > 0.9


def test_nothing_is_no_power():
    values = np.zeros((2, *GRID.shape), dtype=np.float32)
    tile = Tile(values, np.ones(GRID.shape, dtype=bool), GRID, ("VV", "VH"), scene("s", START, None))
    assert np.isnan(power(tile, ("vv", "vh"))).all()


def metres(value, low, high, method="learned", gate=PASS):
    return Measurement("occupied_track_m", value, low, high, 0.9, "m", method, 1.0, gate)


def ordered():
    return st.lists(st.floats(0, 2000), min_size=3, max_size=3).map(sorted)


@given(ordered(), ordered())
def test_only_what_agrees_is_fused(optical, echo):
    one, other = metres(optical[1], optical[0], optical[2]), metres(echo[1], echo[0], echo[2], "radar", "")
    both = fuse.fused(one, other)
    assert (both is None) == (one.low > other.high or other.low > one.high)
    if both is not None:
        assert min(one.value, other.value) - 1e-6 <= both.value <= max(one.value, other.value) + 1e-6
        assert both.high - both.value <= min(one.high - one.value, other.high - other.value) + 3e-3
        assert both.gate == one.gate


def test_radar_that_may_have_read_too_low_pulls_a_full_yard_down_less():
    optical = metres(1000, 700, 1300)
    symmetric, skewed = metres(600, 200, 1000, "radar", ""), metres(600, 200, 1600, "radar", "")
    assert fuse.fused(optical, skewed).value > fuse.fused(optical, symmetric).value > 800


def ended(name, days, measurements, sensor="sentinel-2-l2a"):
    when = START + timedelta(days=days)
    return Sighting(Outcome(name, "yard", sensor, when, 10.0, True, tuple(measurements)))


def test_dates_near_each_other_are_paired_and_disagreement_is_kept(tmp_path):
    wide = metres(700, 300, 1500, "radar", "")
    sightings = [
        ended("agrees", 0, [metres(500, 400, 600)]),
        ended("echo-1", 2, [wide], "sentinel-1-rtc"),
        ended("disagrees", 20, [metres(100, 50, 150)]),
        ended("echo-2", 19, [wide], "sentinel-1-rtc"),
        ended("rejected", 40, [metres(500, 400, 600, gate="snow: on 40 % of the ground")]),
        ended("echo-3", 40, [wide], "sentinel-1-rtc"),
        ended("alone", 60, [metres(500, 400, 600)]),
        ended("echo-4", 64, [wide], "sentinel-1-rtc"),
    ]
    found = {one.scene_id: one for one in together(sightings, 0.9)}
    methods = {name: [m.method for m in one.measurements] for name, one in found.items()}
    assert methods["agrees"] == methods["rejected"] == ["learned", "fused"]
    assert methods["disagrees"] == methods["alone"] == ["learned"]
    assert [one.gated_out for one in found["rejected"].measurements] == [True, True]
    assert methods["echo-2"] == ["radar"]
    assert [pair.fused is None for pair in found["disagrees"].pairs] == [True]
    rows = pair_rows(found.values())
    agree = {row[PAIR_COLUMNS.index("scene_id")]: row[PAIR_COLUMNS.index("agree")] for row in rows}
    assert agree == {"agrees": True, "disagrees": False, "rejected": True}
    write_coarse(list(found.values()), tmp_path)
    assert (tmp_path / "radar.csv").read_text().count("\n") == 4
    assert not (tmp_path / "covers.csv").exists()


def test_a_look_survives_an_interrupted_run(tmp_path):
    seen = look(3)
    sighting = Sighting(
        Outcome("date-3", "yard", "sentinel-1-rtc", START, 10.0, True, skip=WAITING), look=seen
    )
    kept = Checkpoint(tmp_path, "settings", {})
    kept.save(scene("date-3", START, ORBITS[1]), [sighting])
    (again,) = kept.load(scene("date-3", START, ORBITS[1]))
    assert again.profile is None
    assert again.outcome.skip == WAITING
    for field in fields(Look):
        one, other = getattr(again.look, field.name), getattr(seen, field.name)
        assert np.array_equal(one, other, equal_nan=True) if isinstance(other, np.ndarray) else one == other


def test_covers_cannot_take_a_skip_away_and_measure_a_place_without_tracks():
    ground = np.random.default_rng(8).uniform(0.1, 0.2, (4, *GRID.shape))
    ring = np.array([[20.0, 16], [36, 16], [36, 23], [20, 23], [20, 16]])

    def dates(tracks, reason):
        for k in range(12):
            when = START + timedelta(days=200 * k)
            one = Scene(f"d{k}", (Asset(Path("x.tif"), OPTICAL),), "sentinel-2-l2a", when)
            noise = np.random.default_rng(k).normal(0, 0.003, ground.shape)
            tile = Tile((ground + noise).astype(np.float32), np.ones(GRID.shape, bool), GRID, OPTICAL, one)
            waiting = Outcome(one.id, "yard", one.sensor, when, 10.0, True, skip=Skip(reason, "."))
            yield Sighting(waiting, look=read_look(tile, tile.valid, [("yard", ring)], tracks))

    alone = together(dates([], "no-tracks"), 0.9)
    assert {m.quantity for one in alone for m in one.measurements} == {"blue_area_m2"}
    assert all(one.skip is None and one.covers for one in alone)
    assert len(cover_rows(alone)) == sum(len(one.covers) for one in alone)
    beside = together(dates(TRACKS, "clouded"), 0.9)
    assert {one.skip.reason for one in beside} == {"clouded"}
    assert not any(one.covers for one in beside)
