"""Scores into probabilities and counts into intervals that hold on images nobody fitted to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import UnreadableError
from imagery.grid import local_grid
from models.detections import Detections
from models.wagons.calibrate import FEATURES, Calibration, Counted, CountModel, fit_count, fit_score, left_out
from models.wagons.infer import areas, company_of
from models.wagons.validate import Case, kept


def counts(rng, n, off=0.15):
    """Images of 0 to 60 wagons: their boxes' probabilities add up to less, and images differ."""
    true = rng.integers(0, 60, n).astype(float)
    expected = np.maximum(0.0, 0.85 * true * np.exp(rng.normal(0, off, n)) + rng.normal(0, 0.7, n))
    return [boxes(each) for each in expected], true


def boxes(expected, sure=1.0):
    """Probabilities, alike, that add up to what is expected."""
    n = max(1, round(expected / sure))
    return np.full(n, expected / n)


def calibration(rng, n=60):
    models, residuals = [], []
    for gsd, off in ((0.3, 0.05), (1.0, 0.25)):
        images, true = counts(rng, n, off)
        models.append(fit_count(gsd, False, Counted.of(images), true))
        residuals += left_out(gsd, False, Counted.of(images), true)
    return Calibration((0.0,) * 9, tuple(models), tuple(sorted(residuals)), "invented counts")


@pytest.mark.parametrize(("gsd", "off"), [(0.3, 0.05), (1.0, 0.25)])
def test_the_interval_holds_on_images_it_was_not_fitted_to(gsd, off):
    rng = np.random.default_rng(1)
    held = []
    for _ in range(4):
        known = calibration(rng)
        for m, truth in zip(*counts(rng, 150, off), strict=True):
            _, low, high = known.interval(m, gsd)
            held.append(low <= truth <= high)
    assert 0.84 <= np.mean(held) <= 0.96


def test_a_restless_gsd_gets_the_wider_interval_and_a_higher_level_too():
    known = calibration(np.random.default_rng(2))
    fine, coarse = (np.diff(known.interval(boxes(40.0), gsd)[1:])[0] for gsd in (0.3, 1.0))
    assert coarse > 1.5 * fine
    sure = np.diff(known.interval(boxes(40.0), 0.3, level=0.98)[1:])[0]
    assert sure > fine
    between = np.diff(known.interval(boxes(40.0), 0.6)[1:])[0]
    assert fine < between < coarse


@given(st.floats(0, 500), st.floats(0.15, 1.3), st.floats(0.5, 0.99))
def test_an_interval_is_ordered_and_never_below_zero(expected, gsd, level):
    value, low, high = KNOWN.interval(boxes(expected), gsd, level)
    assert 0 <= low <= value <= high


KNOWN = calibration(np.random.default_rng(3))


def test_what_was_written_comes_back_and_an_older_form_is_told(tmp_path):
    KNOWN.write(tmp_path / "c.json")
    assert Calibration.read(tmp_path / "c.json") == KNOWN
    (tmp_path / "old.json").write_text('{"score": [1], "counts": [], "about": ""}')
    with pytest.raises(UnreadableError, match="yardwatch train"):
        Calibration.read(tmp_path / "old.json")


def test_more_spread_is_fitted_where_images_differ_more():
    rng = np.random.default_rng(4)
    groups = [counts(rng, 80, off) for off in (0.03, 0.4)]
    calm, restless = (fit_count(0.5, True, Counted.of(images), true) for images, true in groups)
    assert isinstance(calm, CountModel)
    assert restless.spread > 2 * calm.spread


def test_a_few_images_read_badly_do_not_move_the_fit():
    images, true = counts(np.random.default_rng(7), 60, 0.05)
    of = Counted(np.array([40.0]), np.array([0.9]))
    known = fit_count(0.5, True, Counted.of(images), true).mean(of)
    images[::10] = [each[: len(each) // 4] for each in images[::10]]
    assert fit_count(0.5, True, Counted.of(images), true).mean(of) == pytest.approx(known, rel=0.06)


def test_doubtful_boxes_tell_of_more_that_were_missed():
    rng = np.random.default_rng(8)
    true = rng.integers(10, 60, 80).astype(float)
    sure = rng.uniform(0.55, 0.95, 80)
    share = np.exp(-2.5 * (1 - sure))
    of = Counted(true * share * np.exp(rng.normal(0, 0.05, 80)), sure)
    model = fit_count(1.0, True, of, true)
    assert model.dull == pytest.approx(2.5, abs=0.5)
    assert model.mean(Counted(np.full(2, 20.0), np.array([0.9, 0.6])))[1] == pytest.approx(
        20 * np.exp(1), rel=0.1
    )


def test_where_boxes_are_doubtful_the_interval_holds_both_readings_of_that():
    model = CountModel(0.5, True, 1.0, 0.3, 0.3, 0.05, 4.0)
    known = Calibration((0.0,) * 9, (model,), tuple(np.linspace(-2, 2, 41)), "invented")
    sure, doubtful = (known.interval(np.full(30, p), 0.5, mapped=True) for p in (0.99, 0.7))
    assert sure[0] == pytest.approx(31, abs=1)
    assert doubtful[1] < 21 < 21 * np.exp(4 * 0.3) < doubtful[2]
    assert doubtful[0] == pytest.approx(21 * np.exp(2 * 0.3), rel=0.03)


def test_a_feature_that_tells_is_weighed_and_one_that_does_not_is_not():
    rng = np.random.default_rng(5)
    right = rng.random(2000) < 0.5
    x = np.column_stack([np.ones(2000), right + rng.normal(0, 1, 2000), rng.normal(0, 1, 2000)])
    _, telling, idle = fit_score(x, right)
    assert telling > 0.7
    assert abs(idle) < 0.15


def rows(angle_deg, n=5, gsd=0.5):
    """A string of boxes through the middle of an image, turned."""
    turn = np.deg2rad(angle_deg)
    along = (np.arange(n) - n / 2)[:, None] * (15 / gsd) * [[np.cos(turn), np.sin(turn)]]
    boxes = np.column_stack([400 + along, np.full(n, 14 / gsd), np.full(n, 3 / gsd), np.full(n, angle_deg)])
    return boxes


@given(st.floats(0, 179))
def test_company_runs_the_same_way_whatever_the_way(angle):
    across = [[400, 400, 28, 6, angle + 90]]
    found = Detections(local_grid(800, 800, 0.5), np.concatenate([rows(angle), across]), np.ones(6))
    behind, beside = company_of(found)
    assert behind[:5] == pytest.approx(company_of(found.take(np.arange(5)))[0])
    assert behind[5] == pytest.approx(0.0)
    assert behind[2] == pytest.approx(4.0)
    assert beside == pytest.approx(np.zeros(6))


@given(st.floats(0, 179))
def test_trucks_parked_side_by_side_have_nobody_behind_them(angle):
    boxes = rows(angle + 90)
    boxes[:, 4] -= 90
    behind, beside = company_of(Detections(local_grid(800, 800, 0.5), boxes, np.ones(5)))
    assert behind == pytest.approx(np.zeros(5))
    assert beside[2] == pytest.approx(4.0)


def test_a_box_and_its_reverse_keep_company():
    boxes = rows(1.0, n=2)
    boxes[1, 4] += 180
    found = Detections(local_grid(800, 800, 0.5), boxes, np.array([0.9, 0.4]))
    assert company_of(found)[0] == pytest.approx([0.4, 0.9])


def test_what_a_detector_found_is_kept_and_read_back(tmp_path):
    rng = np.random.default_rng(6)
    runs = [Case(0.5, n > 1, n, rng.normal(size=(n, len(FEATURES))), rng.random(n) < 0.5) for n in (3, 0, 5)]
    first = kept(tmp_path / "a" / "runs.npz", lambda: iter(runs))
    again = kept(tmp_path / "a" / "runs.npz", lambda: pytest.fail("made twice"))
    for one, two, three in zip(runs, first, again, strict=True):
        assert (one.gsd_m, one.mapped, one.true) == (two.gsd_m, two.mapped, two.true)
        assert np.array_equal(one.x, two.x)
        assert np.array_equal(one.right, three.right)
    assert kept(tmp_path / "none.npz", lambda: iter(())) == []


class Sheet:
    """A picture's size without its pixels."""

    def __init__(self, shape, gsd_m):
        self.shape, self.gsd_m = shape, gsd_m


def test_large_images_are_read_in_parts_that_share_more_than_a_train_s_ends():
    assert len(areas(Sheet((3000, 3900), 0.5))) == 1
    parts = areas(Sheet((12_000, 9_000), 0.5))
    seen = np.zeros((120, 90), dtype=int)
    for rows_, cols in parts:
        seen[rows_.start // 100 : rows_.stop // 100, cols.start // 100 : cols.stop // 100] += 1
        assert (rows_.stop - rows_.start) * (cols.stop - cols.start) <= 4000 * 4000
    assert seen.min() >= 1
    assert len(parts) > 4
