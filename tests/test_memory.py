"""What never moves is learnt from dates that overlay each other; what moved, was hidden or changed is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.labels.memory import remember, without
from evidence.ledger import Outcome
from imagery.reader import ArrayRaster
from imagery.scenes import Asset, Scene
from imagery.synthetic.layout import Layout
from imagery.synthetic.light import Light
from imagery.synthetic.paint import paint
from imagery.synthetic.sensor import Optics
from imagery.synthetic.wagons import Placed, random_spec
from models.detections import Detections
from models.measurement import Skip
from models.wagons.count import count
from models.wagons.memory import Visit, alignment, fixtures, likeness

GSD = 0.5
SIDE = 320
START = datetime(2023, 3, 1, 2, tzinfo=UTC)
FIXED = 1000
"""Numbers of places where nothing ever moves lie below this."""


def grid(shift_px=(0.0, 0.0), gsd=GSD):
    x, y = shift_px
    return GeoBox((SIDE, SIDE), Affine(gsd, 0, 500_000 + x * gsd, 0, -gsd, 4_700_000 - y * gsd), "EPSG:32652")


def yard():
    """Nine straight tracks, 12 m apart and a little aslant."""
    tracks = tuple(np.array([[-20.0, 12 + 13 * k], [SIDE * GSD + 20, 30 + 13 * k]]) for k in range(9))
    return Layout(tracks_m=tracks, extent_m=(SIDE * GSD, SIDE * GSD), overgrowth=0.1)


def story(seed, dates=5, days=25, off_px=0.0, gone=(), hidden=()):
    """Visits of one yard: at fixed places the same thing stands on each date, at others another each time.

    Returns:
        Visits, and for each the index of the place of each box; places below FIXED never change.
    """
    rng = np.random.default_rng(seed)
    layout = yard()
    free = rng.permutation([(track, s) for track in range(9) for s in range(36, 150, 26)])
    places = dict(enumerate(free[::2])) | dict(enumerate(free[1::2], FIXED))
    fixed = {i: random_spec(rng, "boxcar", None) for i in places if i < FIXED}
    visits, owners = [], []
    for date in range(dates):
        here = {
            i: fixed[i]
            if i in fixed
            else random_spec(rng, ["boxcar", "gondola", "tank"][rng.integers(3)], None)
            for i in places
            if (i in fixed and not (i in gone and date == 2)) or (i not in fixed and rng.random() < 0.8)
        }
        placed = [Placed(int(places[i][0]), float(places[i][1]), spec) for i, spec in here.items()]
        light = Light(float(rng.uniform(120, 220)), float(rng.uniform(30, 60)), float(rng.uniform(0.1, 0.3)))
        optics = Optics(gsd_m=GSD, noise=3.0, level=float(rng.uniform(90, 140)))
        off = rng.uniform(-off_px, off_px, 2)
        painted = paint(layout, placed, light, optics, rng, (SIDE, SIDE), origin_m=tuple(off * GSD))
        inside = list(here)
        assert len(painted.truth) == len(inside)
        boxes = painted.truth.boxes + rng.normal(0, [0.4, 0.4, 0.6, 0.2, 0.5], (len(inside), 5))
        valid = np.ones((SIDE, SIDE), bool)
        if date in hidden:
            valid[:, SIDE // 2 :] = False
            keep = boxes[:, 0] < SIDE // 2
            boxes, inside = boxes[keep], [i for i, k in zip(inside, keep, strict=True) if k]
        scene = Scene(f"d{date}", (Asset(Path("x"), ("red", "green", "blue")),))
        raster = ArrayRaster(scene, grid(), np.moveaxis(np.array(painted.image), 2, 0), valid)
        taken = START + timedelta(days=days * date)
        visits.append(Visit(taken, Detections(grid(), boxes, np.full(len(boxes), 0.9)), lambda r=raster: r))
        owners.append(np.array(inside))
    return visits, owners


def rates(visits, owners):
    flags = fixtures(visits)
    fixed = np.concatenate([owner < FIXED for owner in owners])
    flagged = np.concatenate(flags)
    return flagged[fixed].mean(), flagged[~fixed].mean() if (~fixed).any() else 0.0


def test_what_never_moves_is_learnt_and_what_changes_is_not():
    found, false = np.mean([rates(*story(seed)) for seed in (1, 2, 3)], axis=0)
    assert found > 0.85
    assert false < 0.02


def test_dates_that_lie_some_pixels_apart_are_brought_together():
    visits, owners = story(1, off_px=6.0)
    reference = visits[0].found.grid
    shifts = alignment(visits, reference)
    assert shifts[0] == pytest.approx([0, 0], abs=0.01)
    for visit, owner, shift in zip(visits, owners, shifts, strict=True):
        common = [i for i in owner if i < FIXED]
        at = {i: visit.found.boxes[k, :2] for k, i in enumerate(owner)}
        first = {i: visits[0].found.boxes[k, :2] for k, i in enumerate(owners[0])}
        off = np.median([first[i] - at[i] - shift for i in common], axis=0)
        assert np.abs(off).max() < 1.0
    assert rates(visits, owners)[0] > 0.85


@pytest.mark.parametrize(("dates", "days"), [(3, 60), (6, 11)])
def test_too_few_dates_or_too_short_a_time_teach_nothing(dates, days):
    visits, _ = story(1, dates=dates, days=days)
    assert not np.concatenate(fixtures(visits)).any()


def test_a_place_left_once_holds_no_fixture():
    visits, owners = story(1, gone=range(5))
    flags = fixtures(visits)
    for flag, owner in zip(flags, owners, strict=True):
        assert not flag[owner < 5].any()
        assert flag[(owner >= 5) & (owner < FIXED)].mean() > 0.8


def test_a_hidden_date_is_no_evidence_that_something_left():
    visits, owners = story(1, dates=6, hidden=(3,))
    right = [
        flag[(owner < FIXED) & (visit.found.boxes[:, 0] > SIDE // 2 + 20)]
        for visit, flag, owner in zip(visits, fixtures(visits), owners, strict=True)
    ]
    assert np.concatenate(right).mean() > 0.8


def test_nothing_found_is_no_error():
    visits, _ = story(1)
    empty = [Visit(v.taken_at, Detections.none(v.found.grid), v.opened) for v in visits]
    assert all(len(flag) == 0 for flag in fixtures(empty))


def test_likeness_forgets_brightness_and_contrast():
    rng = np.random.default_rng(0)
    patch = rng.random((8, 32, 3)).astype(np.float32)
    dates = np.stack([patch * gain + level for gain, level in ((1, 0), (0.4, 3), (2, -1))])
    assert likeness(dates) == pytest.approx(1.0)
    assert abs(likeness(rng.random((4, 8, 32, 3)).astype(np.float32))) < 0.2


def outcome(visit, scene_id="d0"):
    tarps = ("blue", "none") * len(visit.found)
    found = Detections(visit.found.grid, visit.found.boxes, visit.found.scores, (), tarps[: len(visit.found)])
    return Outcome(
        scene_id, "yard", "rgb", visit.taken_at, GSD, True, count(found, 0.8, 0.9, "edges"), detections=found
    )


def test_what_is_dropped_stays_within_the_interval():
    visits, _ = story(1, dates=1)
    before = outcome(visits[0])
    fixed = np.arange(len(before.detections)) < 7
    after = without(before, fixed)
    old, new = before.measurements[0], after.measurements[0]
    assert len(after.detections) == len(before.detections) - 7
    assert (new.value, new.high) == (old.value - 7, pytest.approx(count_high(before, ~fixed) + 7))
    assert new.method == "edges, memory"
    assert new.high >= old.value
    metres = after.measurements[1]
    assert metres.high - 7 * 4 > metres.value


def count_high(one, keep):
    return count(one.detections.take(keep), 0.8, 0.9, "edges")[0].high


def test_a_site_is_remembered_and_others_are_left_alone():
    visits, owners = story(1)
    seen = [outcome(visit, f"d{i}") for i, visit in enumerate(visits)]
    openers = {f"d{i}": visit.opened for i, visit in enumerate(visits)}
    loose = [replace(one, site="") for one in seen]
    skipped = Outcome("s", "yard", "rgb", START, GSD, True, skip=Skip("clouded", "no"))
    result = remember([*loose, *seen, skipped], openers)
    assert result[: len(loose)] == loose
    assert result[-1] is skipped
    for after, owner in zip(result[len(loose) : -1], owners, strict=True):
        assert len(after.detections) <= (owner >= FIXED).sum() + 2
        assert after.measurements[0].method == "edges, memory"
        assert after.measurements[0].high >= len(owner)
