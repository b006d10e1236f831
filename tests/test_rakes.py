"""A rake is known again by the order of its wagons, and chance is not taken for it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from evidence.labels.rakes import RAKE_COLUMNS, write_rakes
from evidence.ledger import Outcome
from imagery.grid import local_grid
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from models.detections import Detections, concatenate
from models.wagons.colours import coloured
from models.wagons.count import count
from models.wagons.rakes import coupled, match_rakes

GSD = 0.5
GRID = GeoBox((2000, 3000), Affine(GSD, 0, 500_000, 0, -GSD, 4_700_000), "EPSG:32652")
MAKES = np.array(
    [[13.9, 0.5, -0.2], [13.9, 0.1, 0.1], [15.6, 0.3, 0.4], [17.1, -0.1, 0.0], [19.6, 0.2, -0.4]]
)
"""Length in metres, and red and blue over green, of a small fleet."""


def order(rng, count, blocks=True):
    """Makes of a rake: blocks of one make, and loners."""
    makes = []
    while len(makes) < count:
        makes += [int(rng.integers(len(MAKES)))] * (int(rng.integers(1, 5)) if blocks else 1)
    return MAKES[makes[:count]]


def string(rng, wagons, x=200.0, y=400.0, angle=10.0, light=1.0, length_sd=0.35, colour_sd=0.06):
    """A coupled rake of wagons (n, 3) as a detector sees it; ``light`` is the brightness of the date."""
    n = len(wagons)
    length = wagons[:, 0] + rng.normal(0, length_sd, n)
    begin = np.concatenate([[0.0], np.cumsum(wagons[:-1, 0] + 1.0)])
    middle = (begin + wagons[:, 0] / 2) / GSD
    turn = np.radians(angle)
    centre = np.stack([x + middle * np.cos(turn), y + middle * np.sin(turn)], axis=1)
    boxes = np.column_stack([centre, length / GSD, np.full(n, 3.0 / GSD), np.full(n, angle)])
    green = 80.0 * light * rng.uniform(0.8, 1.2, n)
    red, blue = (green * np.exp(wagons[:, k] + rng.normal(0, colour_sd, n)) for k in (1, 2))
    return Detections(
        GRID, boxes, np.full(n, 0.9), attributes={"red": red * 1.1, "green": green, "blue": blue}
    )


def yard(rng, rakes, **how):
    parts = [string(rng, wagons, y=200.0 + 100 * k, **how) for k, wagons in enumerate(rakes)]
    return concatenate(GRID, parts)


def bare(found):
    return replace(found, attributes={})


def test_strings_are_followed_from_end_to_end():
    rng = np.random.default_rng(0)
    rakes = [order(rng, n) for n in (12, 5, 2)]
    found = yard(rng, rakes)
    mixed = rng.permutation(len(found))
    strings = coupled(found.take(mixed))
    assert sorted(map(len, strings)) == [5, 12]
    for one in strings:
        x = found.boxes[mixed[one], 0]
        assert (np.diff(x) > 0).all() or (np.diff(x) < 0).all()


def test_wagons_side_by_side_are_no_string():
    boxes = np.array([[100.0 + 3 * k, 100.0 + 9 * k, 28, 6, 0] for k in range(6)])
    assert coupled(Detections(GRID, boxes, np.full(6, 0.9))) == []


@pytest.mark.parametrize("turned", [False, True])
def test_a_rake_on_another_track_in_another_light_is_known_again(turned):
    known = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rake, other, new = order(rng, 14), order(rng, 12), order(rng, 13)
        first = concatenate(GRID, [string(rng, rake), string(rng, other, y=900)])
        again = rake[::-1] if turned else rake
        second = concatenate(
            GRID, [string(rng, again, x=700, y=1200, angle=3, light=0.6), string(rng, new, y=600, light=0.6)]
        )
        matches = match_rakes(first, second)
        best = matches[0] if matches else None
        ok = best is not None and best.odds > 20 and set(best.first.tolist()) <= set(range(14))
        known.append(ok and len(best) >= 12 and best.moved_m > 400 and set(best.second) <= set(range(14)))
        if ok:
            pairs = best.second if not turned else 13 - best.second
            assert np.array_equal(pairs, best.first)
    assert np.mean(known) >= 0.9


@pytest.mark.parametrize("coloured", [False, True])
def test_other_rakes_of_the_same_fleet_are_seldom_taken_for_it(coloured):
    false = 0
    for seed in range(150):
        rng = np.random.default_rng(1000 + seed)
        first = yard(rng, [order(rng, int(rng.integers(6, 25))) for _ in range(3)])
        second = yard(rng, [order(rng, int(rng.integers(6, 25))) for _ in range(3)], light=0.7)
        if not coloured:
            first, second = bare(first), bare(second)
        false += any(match.odds > 20 for match in match_rakes(first, second))
    assert false <= 3  # 2 %


def test_equal_wagons_say_nothing():
    rng = np.random.default_rng(3)
    one = np.tile(MAKES[0], (30, 1))
    assert not [m for m in match_rakes(string(rng, one), string(rng, one)) if m.odds > 2]


def test_a_wagon_taken_out_and_one_not_found_do_not_hide_a_rake():
    rng = np.random.default_rng(5)
    rake = order(rng, 20)
    second = string(rng, np.delete(rake, 9, axis=0))
    match = match_rakes(string(rng, rake), second)[0]
    assert match.odds > 20
    assert len(match) >= 17
    assert 9 not in match.first.tolist() or len(match) < 20


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 12), m=st.integers(0, 12))
def test_each_wagon_stands_in_one_match_at_most(seed, n, m):
    rng = np.random.default_rng(seed)
    first = string(rng, order(rng, n)) if n else Detections.none(GRID)
    second = string(rng, order(rng, m)) if m else Detections.none(GRID)
    matches = match_rakes(first, second, least_odds=0.0)
    for side in ("first", "second"):
        used = [int(i) for match in matches for i in getattr(match, side)]
        assert len(used) == len(set(used))
    assert [match.odds for match in matches] == sorted((match.odds for match in matches), reverse=True)


def test_without_a_map_position_the_way_is_unknown():
    rng = np.random.default_rng(7)
    rake = order(rng, 18)
    first, second = (replace(string(rng, rake), grid=local_grid(2000, 3000, GSD)) for _ in range(2))
    (match,) = match_rakes(first, second)
    assert match.odds > 20
    assert np.isnan(match.moved_m)


def test_colours_are_read_from_the_boxes_against_the_picture():
    image = np.full((3, 400, 600), 100, np.uint8)
    rng = np.random.default_rng(0)
    found = string(rng, order(rng, 3), x=100, y=150, angle=20)
    found = replace(found, grid=local_grid(400, 600, GSD), attributes={})
    for i, corners in enumerate(found.corners()):
        for band, value in enumerate((40 + 30 * i, 80, 200 - 40 * i)):
            plane = np.ascontiguousarray(image[band])
            cv2.fillConvexPoly(plane, corners.round().astype(np.int32), value)
            image[band] = plane
    scene = Scene("x", (Asset(Path("x"), ("red", "green", "blue")),))
    seen = coloured(found, ArrayRaster(scene, found.grid, image)).attributes
    assert seen["red"] / seen["green"] == pytest.approx([0.5, 0.875, 1.25], rel=0.05)
    assert seen["blue"] / seen["green"] == pytest.approx([2.5, 2.0, 1.5], rel=0.05)
    dark = coloured(found, ArrayRaster(scene, found.grid, image // 2)).attributes
    assert dark["red"] == pytest.approx(seen["red"], rel=0.03)


def counted(found, day, site="yard"):
    return Outcome(
        f"s{day}",
        site,
        "rgb",
        datetime(2023, 9, day, tzinfo=UTC),
        GSD,
        True,
        count(found, 1.0, 0.9, "edges"),
        detections=found,
    )


def test_the_table_follows_a_rake_from_date_to_date(tmp_path):
    rng = np.random.default_rng(2)
    rake, other = order(rng, 16), order(rng, 16)
    first, third = string(rng, rake), string(rng, other)
    second = string(rng, rake, y=700)
    dates = [counted(third, 20), counted(first, 1), counted(second, 10), counted(first, 2, site="")]
    write_rakes(dates, tmp_path)
    table = pd.read_csv(tmp_path / "rakes.csv")
    assert tuple(table.columns) == RAKE_COLUMNS
    (row,) = [row for row in table.itertuples() if row.odds > 20]
    assert (row.scene_from, row.scene_to, row.wagons) == ("s1", "s10", 16)
    assert row.moved_m == pytest.approx(150, abs=3)


def test_a_single_date_makes_no_table(tmp_path):
    rng = np.random.default_rng(2)
    write_rakes([counted(string(rng, order(rng, 9)), 1)], tmp_path)
    assert not (tmp_path / "rakes.csv").exists()
