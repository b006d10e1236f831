"""Trains in images of about 3 m, painted here by hand: rectangles, their shadows, a blur, noise."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter

from evidence.checkpoint import Checkpoint
from evidence.claims import Claim
from evidence.coarse.trains import write_trains
from evidence.ledger import Outcome, Sighting, series_of
from evidence.verdicts.verdict import judge
from imagery.alignment.align import no_shift
from imagery.alignment.frames import off_tracks
from imagery.period import Period
from imagery.scenes import Asset, Scene
from imagery.tiles import Tile
from models.measurement import Skip
from models.occupancy.sight import MOST_UNREST, Sight
from models.occupancy.trains import COARSEST_M, Train, colour_of, find_trains, measured, occupied_m

BANDS = ("blue", "green", "red", "nir")
BALLAST = np.array([0.12, 0.14, 0.16, 0.19])
BLUE, DARK = (0.22, 0.16, 0.09, 0.28), (0.05, 0.05, 0.055, 0.06)
FINE_M, GSD_M, SIDE_M = 0.75, 3.0, 270.0
SPACING_M = 5.0
MIDDLE = np.array([SIDE_M / 2, SIDE_M / 2])


def axes_at(heading):
    u = np.array([math.cos(heading), math.sin(heading)])
    return u, np.array([-u[1], u[0]])


def tracks_at(heading, count=2):
    """Straight tracks of 220 m, in pixels."""
    u, v = axes_at(heading)
    ends = np.array([-110.0, 110.0])[:, None] * u
    return [(f"t{k}", (MIDDLE + ends + (k - (count - 1) / 2) * SPACING_M * v) / GSD_M) for k in range(count)]


def painted(trains=(), heading=0.3, seed=0, count=2, day=0):
    """A tile with trains (track, start, end, top)."""
    rng = np.random.default_rng(seed)
    texture = 1 + 0.05 * gaussian_filter(np.random.default_rng(7).standard_normal((360, 360)), 4) * 8
    ground = BALLAST[:, None, None] * texture
    y, x = (np.mgrid[:360, :360] + 0.5) * FINE_M
    u, v = axes_at(heading)
    rel = np.stack([x, y], axis=-1) - MIDDLE
    azimuth, elevation = 150.0, 45.0
    away = np.array([-math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))]) * 3.2

    def inside(one, moved=0.0):
        track, start, end, _ = one
        at = rel - moved * away
        along, across = at @ u + 110.0, at @ v - (track - (count - 1) / 2) * SPACING_M
        return (along > start) & (along < end) & (np.abs(across) < 1.55)

    for one in trains:
        for moved in np.linspace(0, 1, 6):
            shade = inside(one, moved)
            ground[:, shade] = (BALLAST * (0.4, 0.33, 0.27, 0.2))[:, None]
    for one in trains:
        ground[:, inside(one)] = np.array(one[3])[:, None]
    per = round(GSD_M / FINE_M)
    blurred = np.stack([gaussian_filter(band, 1.7 / FINE_M) for band in ground])
    pixels = blurred.reshape(4, 360 // per, per, 360 // per, per).mean(axis=(2, 4))
    pixels = (pixels + rng.normal(0, 0.003, pixels.shape)).astype(np.float32)
    grid = GeoBox(pixels.shape[1:], Affine(GSD_M, 0, 500_000, 0, -GSD_M, 4_600_000), "EPSG:32652")
    scene = Scene(
        f"day-{day}",
        (Asset(Path("x.tif"), BANDS),),
        "planetscope",
        datetime(2023, 5, 1, tzinfo=UTC) + timedelta(days=day),
        sun_azimuth_deg=azimuth,
        sun_elevation_deg=elevation,
    )
    return Tile(pixels, np.ones(pixels.shape[1:], dtype=bool), grid, BANDS, scene)


def everywhere(tile):
    return np.ones(tile.valid.shape, dtype=bool)


def found(trains, heading=0.3, alone=False, tracks=None, count=2):
    tile = painted(trains, heading, seed=1, count=count)
    others = [] if alone else [painted((), heading, seed=10 + k, count=count, day=30 + k) for k in range(5)]
    tracks = tracks or tracks_at(heading, count)
    result = find_trains(
        tile, everywhere(tile), tracks, [(other, everywhere(other)) for other in others], no_shift("none")
    )
    assert not isinstance(result, Skip)
    return result


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("top", [BLUE, DARK])
def test_a_train_is_found_where_it_stands(top, alone):
    trains, measurements = found([(1, 60.0, 150.0, top)], alone=alone)
    assert [train.track for train in trains] == ["t1"]
    assert trains[0].start_m == pytest.approx(60, abs=5)
    assert trains[0].end_m == pytest.approx(150, abs=5)
    assert trains[0].colour == ("blue" if top is BLUE else "other")
    by = {one.quantity: one for one in measurements}
    assert by["trains"].value == 1
    assert by["train_length_m"].low <= trains[0].length_m <= by["train_length_m"].high
    assert by["railcar_equivalents"].value == pytest.approx(by["occupied_track_m"].value / 13.92)


@pytest.mark.parametrize("heading", [0.0, 0.9, 2.2])
def test_the_heading_changes_nothing(heading):
    trains, _ = found([(0, 40.0, 160.0, BLUE)], heading)
    assert [train.track for train in trains] == ["t0"]
    assert trains[0].length_m == pytest.approx(120, abs=8)


def test_a_track_drawn_the_other_way_gives_the_same_train():
    turned = [(id, line[::-1]) for id, line in tracks_at(0.3)]
    there, _ = found([(1, 30.0, 120.0, BLUE)])
    back, _ = found([(1, 30.0, 120.0, BLUE)], tracks=turned)
    assert len(there) == len(back) == 1
    assert back[0].start_m == pytest.approx(220 - there[0].end_m, abs=3.1)
    assert back[0].length_m == pytest.approx(there[0].length_m, abs=6.1)


def test_nothing_stands_on_empty_tracks():
    trains, measurements = found([])
    assert trains == ()
    values = {one.quantity: one.value for one in measurements}
    assert values == {"occupied_track_m": 0, "railcar_equivalents": 0, "trains": 0, "train_length_m": 0}
    assert next(one.high for one in measurements if one.quantity == "train_length_m") > 0


def test_a_wide_gap_parts_two_trains_and_a_narrow_one_does_not():
    apart, _ = found([(0, 10.0, 80.0, BLUE), (0, 130.0, 200.0, BLUE)])
    assert [round(train.length_m, -1) for train in apart] == [70, 70]
    near, measurements = found([(0, 20.0, 90.0, BLUE), (0, 106.0, 180.0, BLUE)])
    assert len(near) == 1
    assert near[0].length_m == pytest.approx(160, abs=8)
    # What may be a gap counts by half.
    assert near[0].bridged_m > 8
    assert occupied_m(near) == pytest.approx(near[0].length_m - near[0].bridged_m / 2)
    assert measurements[0].value == pytest.approx(occupied_m(near))


def test_trains_side_by_side_are_told_apart():
    trains, _ = found([(0, 20.0, 110.0, BLUE), (2, 70.0, 190.0, DARK)], count=3)
    assert [(train.track, train.colour) for train in trains] == [("t0", "blue"), ("t2", "other")]


def test_what_cannot_be_read_is_skipped():
    tile = painted()
    dark = np.zeros(tile.valid.shape, dtype=bool)
    result = find_trains(tile, dark, tracks_at(0.3), [], no_shift("none"))
    assert isinstance(result, Skip)
    assert result.reason == "clouded"
    radar = Tile(tile.pixels[:2].copy(), tile.valid, tile.grid, ("VV", "VH"), tile.scene)
    result = find_trains(radar, everywhere(tile), tracks_at(0.3), [], no_shift("none"))
    assert isinstance(result, Skip)
    assert result.reason == "no-method"
    assert tile.gsd_m <= COARSEST_M


def test_colours_are_named_only_where_nearly_all_agree():
    roles = ("blue", "green", "red", "nir")
    blue, white, green = BLUE, (0.45, 0.46, 0.46, 0.45), (0.06, 0.12, 0.07, 0.28)
    assert colour_of(np.array([blue] * 19 + [white]), roles) == "blue"
    assert colour_of(np.array([blue] * 4 + [white] * 6), roles) == "mixed"
    assert [colour_of(np.array([one]), roles) for one in (white, green, DARK)] == ["white", "green", "other"]
    assert colour_of(np.array([[0.2]]), ("nir",)) == "other"


def test_trains_are_kept_and_written(tmp_path):
    trains, measurements = found([(1, 60.0, 150.0, BLUE)])
    tile = painted()
    outcome = Outcome("day-0", "here", "planetscope", tile.scene.taken_at, 3.0, True, measurements)
    outcome = Outcome(**{**vars(outcome), "trains": trains})
    checkpoint = Checkpoint(tmp_path / "kept", "", {})
    checkpoint.save(tile.scene, [Sighting(outcome)])
    again = checkpoint.load(tile.scene)
    assert again is not None
    back = again[0].outcome.trains
    assert [(one.track, one.start_m, one.colour) for one in back] == [
        (one.track, one.start_m, one.colour) for one in trains
    ]
    np.testing.assert_allclose(back[0].line, trains[0].line)
    write_trains([outcome], tmp_path)
    text = (tmp_path / "trains.geojson").read_text()
    assert '"colour": "blue"' in text
    assert "LineString" in text
    assert (tmp_path / "trains.parquet").exists()


def test_a_published_length_is_held_against_every_train_of_the_day():
    def claim(id, quantity, figure):
        day = Period(date(2023, 9, 22), date(2023, 9, 23))
        unit = "m" if quantity.endswith("_m") else "trains"
        return Claim(
            id, "here", quantity, unit, "about", figure, figure, day, "so", "3 m", "them", "there", True, ""
        )

    trains = tuple(
        Train("t0", 0.0, length, length - 12, length + 12, "other", 0.0, np.zeros((2, 2)))
        for length in (205.0, 310.0)
    )
    outcome = Outcome(
        "a",
        "here",
        "planetscope",
        datetime(2023, 9, 22, 2, tzinfo=UTC),
        3.0,
        False,
        measured(trains, Sight(1.0), 2e3),
    )
    series = series_of([outcome])
    lengths = [judge(claim(f"L{figure:.0f}", "train_length_m", figure), series) for figure in (200.0, 300.0)]
    assert [verdict.verdict for verdict in lengths] == ["supported", "supported"]
    assert [verdict.value for verdict in lengths] == [205.0, 310.0]
    assert judge(claim("L", "train_length_m", 700.0), series).verdict == "contradicted"
    assert judge(claim("N", "trains", 9.0), series).verdict == "contradicted"


def test_haze_beside_the_yard_is_kept_back_by_the_gate():
    rng = np.random.default_rng(4)

    def textured(tile, haze=0.0):
        ground = 0.04 * np.random.default_rng(5).normal(size=tile.valid.shape)
        pixels = np.clip(tile.pixels + (ground + haze).astype(np.float32), 0, 1)
        return Tile(pixels, tile.valid, tile.grid, tile.bands, tile.scene)

    tile = painted([(1, 60.0, 150.0, BLUE)], 0.3, seed=1)
    others = [textured(painted((), 0.3, seed=10 + k, day=30 + k)) for k in range(5)]
    seen = [(other, everywhere(other)) for other in others]
    gates = []
    for haze in (0.0, gaussian_filter(rng.normal(size=tile.valid.shape), 6.0)):
        result = find_trains(textured(tile, haze), everywhere(tile), tracks_at(0.3), seen, no_shift("none"))
        assert not isinstance(result, Skip)
        gates.append({one.gate.split(":")[0] for one in result[1]})
    assert gates == [{"pass"}, {"unsettled"}]


def test_other_dates_that_hide_the_tracks_tell_no_bare_yard():
    tile = painted([(1, 60.0, 150.0, BLUE)], 0.3, seed=1)
    others = [painted((), 0.3, seed=10 + k, day=30 + k) for k in range(5)]
    lines = [line for _, line in tracks_at(0.3)]
    beside = off_tracks(tile.valid.shape, lines, 4.0)
    seen = [(other, everywhere(other) & beside) for other in others]
    hidden = find_trains(tile, everywhere(tile), tracks_at(0.3), seen, no_shift("none"))
    alone = find_trains(tile, everywhere(tile), tracks_at(0.3), [], no_shift("none"))
    assert not isinstance(hidden, Skip)
    assert not isinstance(alone, Skip)
    assert hidden[1] == alone[1]


def test_an_image_of_which_a_third_is_hidden_is_read_all_the_same():
    tile = painted([(1, 60.0, 150.0, BLUE)], 0.3, seed=1)
    good = everywhere(tile)
    good[:, : int(0.35 * good.shape[1])] = False
    others = [(painted((), 0.3, seed=10 + k, day=30 + k), good) for k in range(5)]
    result = find_trains(tile, good, tracks_at(0.3), others, no_shift("none"))
    assert not isinstance(result, Skip)
    assert {one.gate.split(":")[0] for one in result[1]} == {"clouded"}


def test_a_track_outside_the_image_hides_no_train_on_the_others():
    tracks = [*tracks_at(0.3), ("far", tracks_at(0.3)[0][1] + 5000.0)]
    trains, _ = found([(1, 60.0, 150.0, BLUE)], tracks=tracks)
    assert [train.track for train in trains] == ["t1"]


def test_an_unsettled_image_has_wider_intervals():
    calm, hazy = Sight(1.0, 8, 1.0, 1.0), Sight(1.0, 8, 3 * MOST_UNREST, 1.0)
    low, high = calm.interval("metres", 500.0, 0.9)
    wide_low, wide_high = hazy.interval("metres", 500.0, 0.9)
    assert wide_high - 500 == pytest.approx(3 * (high - 500))
    assert wide_low <= low
