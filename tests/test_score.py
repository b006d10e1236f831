"""Pairing boxes with labels, and the numbers that follow."""

import importlib.util
import json
import math
import sys
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.grid import local_grid
from models.detections import Detections
from models.wagons.score import Tally, centre_match, match, mean_f1, read_labels, total

GRID = local_grid(400, 400, 0.5)


def found_at(rows, scores=None):
    boxes = np.asarray(rows, dtype=np.float64).reshape(-1, 5)
    return Detections(GRID, boxes, np.ones(len(boxes)) if scores is None else np.asarray(scores))


def train(n, x=30.0, y=100.0, step=28.0):
    return np.array([[x + step * i, y, 26.0, 6.0, 0.0] for i in range(n)]).reshape(-1, 5)


def test_labels_found_exactly_are_all_right():
    truth = train(9)
    assert match(found_at(truth), truth).tally == Tally(9, 0, 0)
    assert centre_match(found_at(truth), truth).tally == Tally(9, 0, 0)


def test_a_box_turned_on_its_end_does_not_match():
    truth = train(1)
    assert match(found_at(truth + np.array([0, 0, 0, 0, 90])), truth).tally == Tally(0, 1, 1)
    assert centre_match(found_at(truth + np.array([0, 0, 0, 0, 90])), truth).tally == Tally(1, 0, 0)


def test_the_pairing_is_one_to_one():
    truth = train(1)
    assert match(found_at(np.concatenate([truth, truth])), truth).tally == Tally(1, 1, 0)


def test_a_better_score_does_not_steal_a_label():
    truth = train(2)
    # The first box overlaps both wagons, the second only the first wagon: both can be paired.
    boxes = np.array([[44.0, 100, 26, 6, 0], [30, 100, 26, 6, 0]])
    assert match(found_at(boxes, [0.9, 0.1]), truth, iou=0.25).tally == Tally(2, 0, 0)


@pytest.mark.parametrize(("shift_m", "right"), [(2.9, 1), (3.1, 0)])
def test_centres_match_within_three_metres(shift_m, right):
    truth = train(1)
    assert centre_match(found_at(truth + np.array([0, shift_m / 0.5, 0, 0, 0])), truth).tally.right == right


boxes = st.lists(
    st.tuples(st.floats(20, 60), st.floats(20, 40), st.floats(16, 40), st.floats(5, 8), st.floats(-90, 90)),
    max_size=5,
)


@settings(deadline=None)
@given(boxes, boxes)
def test_no_other_pairing_has_more_pairs(found, truth):
    truth = np.asarray(truth, dtype=np.float64).reshape(-1, 5)
    found = found_at(found)
    matches = match(found, truth)
    first, second = found.polygons(), found_at(truth).polygons()
    allowed = np.array(
        [[a.intersection(b).area >= 0.3 * a.union(b).area for b in second] for a in first]
    ).reshape(len(first), len(second))
    short, long = sorted(allowed.shape)
    table = allowed if allowed.shape[0] == short else allowed.T
    most = max(sum(table[i, j] for i, j in enumerate(order[:short])) for order in permutations(range(long)))
    assert len(matches.pairs) == most
    assert allowed[matches.pairs[:, 0], matches.pairs[:, 1]].all()
    assert len(set(matches.pairs[:, 0])) == len(set(matches.pairs[:, 1])) == most
    assert matches.tally.found == len(found)
    assert matches.tally.true == len(truth)


def test_boxes_on_ignored_ground_count_neither_way():
    truth = train(2)
    extra = np.array([[300.0, 300, 26, 6, 0], [100, 350, 26, 6, 0]])
    ignored = shapely.box(280, 290, 320, 310)
    tally = match(found_at(np.concatenate([truth, extra])), truth, ignored=ignored).tally
    assert tally == Tally(2, 1, 0)
    # What is labelled there is still found or missed.
    assert match(found_at(truth), truth, ignored=shapely.box(0, 0, 400, 400)).tally == Tally(2, 0, 0)
    assert match(found_at([]), truth, ignored=shapely.box(0, 0, 400, 400)).tally == Tally(0, 0, 2)


def test_figures_follow_from_the_tally():
    tally = Tally(right=6, wrong=2, missed=4)
    assert tally.precision == pytest.approx(0.75)
    assert tally.recall == pytest.approx(0.6)
    assert tally.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert tally.count_error == pytest.approx(-0.2)
    assert total([tally, Tally(1, 0, 0)]) == Tally(7, 2, 4)
    assert mean_f1([Tally(1, 0, 0), Tally(0, 1, 1)]) == 0.5


def test_what_cannot_be_said_is_nan_and_not_zero():
    assert math.isnan(Tally(0, 0, 3).precision)
    assert math.isnan(Tally(0, 3, 0).recall)
    assert math.isnan(Tally().f1)
    assert math.isnan(Tally(0, 3, 0).count_error)
    assert Tally(0, 0, 3).f1 == 0


def write_labels(path, **changes):
    box = {"cx": 50, "cy": 60, "length_px": 28, "width_px": 6, "angle_deg": 10}
    table = {
        "image": "a.png",
        "gsd_m": 0.5,
        "boxes": [box, {**box, "cx": -3, "centre_inside": False}],
        "ignore": [[[0, 200], [100, 200]]],
    } | changes
    path.write_text(json.dumps(table))
    return path


def test_labels_are_read_and_the_doubtful_kept_apart(tmp_path):
    labels = read_labels(write_labels(tmp_path / "a.json"))
    assert labels.boxes.tolist() == [[50, 60, 28, 6, 10]]
    assert labels.doubtful.tolist() == [[-3, 60, 28, 6, 10]]
    found = found_at([[50, 201, 28, 6, 0], [0, 60, 28, 6, 10], [50, 60, 28, 6, 10], [50, 220, 28, 6, 0]])
    matches = match(found, labels.boxes, ignored=labels.ignored_ground(found))
    assert matches.left_out.tolist() == [True, True, False, False]
    assert matches.tally == Tally(1, 1, 0)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"image": "a.png"}', '{"image": "a", "gsd_m": 1, "boxes": [{}]}']
)
def test_a_file_without_labels_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match="no label file"):
        read_labels(path)


@pytest.fixture
def benchmark():
    """The script benchmarks/score_real.py as a module."""
    path = Path(__file__).parents[1] / "benchmarks/score_real.py"
    spec = importlib.util.spec_from_file_location("score_real", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["score_real"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["score_real"]


def test_the_benchmark_scores_pictures_with_and_without_railcars(benchmark, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "railcars"
    (folder / "labels").mkdir(parents=True)
    grey = np.full((120, 200, 3), 120, np.uint8)
    for name in ("yard.png", "field.png", "coarse.png"):
        cv2.imwrite(str(folder / name), grey)
    write_labels(folder / "labels/yard.json", image="yard.png")
    (folder / "index.csv").write_text(
        "file,gsd_m,use\nyard.png,0.5,train and evaluate\nfield.png,0.5,evaluate only\n"
        "coarse.png,1.4,evaluate only\n"
    )
    monkeypatch.setenv("YARDWATCH_DATA", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["score_real.py", "--out", str(tmp_path / "out")])
    assert benchmark.main() == 0
    result = json.loads((tmp_path / "out/score_real_edges.json").read_text())
    yard, field = result["images"]
    assert (yard["true"], yard["right"], yard["recall"], yard["precision"]) == (1, 0, 0.0, None)
    assert (field["false_alarms"], field["area_km2"], field["f1_iou30"]) == (0, 0.006, None)
    assert field["evaluate_only"]
    assert not yard["evaluate_only"]
    assert [refused["image"] for refused in result["refused"]] == ["coarse.png"]
    assert "1.40 m" in capsys.readouterr().out
    assert "yard.png" in (tmp_path / "out/score_real_edges.md").read_text()


def test_the_benchmark_says_why_it_is_skipped(benchmark, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("YARDWATCH_DATA", str(tmp_path / "nowhere"))
    monkeypatch.setattr("sys.argv", ["score_real.py", "--out", str(tmp_path)])
    assert benchmark.main() == 0
    assert "YARDWATCH_DATA" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
