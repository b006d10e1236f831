"""Axes, strips, and the way back from strip to image."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.errors import InputError
from models.axes.line import Axis, clip_to_frame, extend, length, resample
from models.axes.strips import ACROSS, ALONG_M, frame_along, pieces, straighten


def arc(radius_px: float, n: int = 80, sweep: float = 1.0) -> np.ndarray:
    a = np.linspace(0, sweep, n)
    return np.stack([40 + radius_px * np.sin(a), 60 + radius_px * (1 - np.cos(a))], axis=1)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 1.2), st.floats(0, 360), st.floats(-2, 2), st.integers(10, 60))
def test_a_box_in_a_strip_comes_back_where_it_stands(gsd, turn, across, start):
    direction = np.array([np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))])
    line = np.array([200.0, 200.0]) + np.outer([-60 / gsd, 60 / gsd], direction)
    frame = frame_along(line, gsd)
    stop = start + 40
    box = frame.boxes(np.array([start]), np.array([stop]), np.array([across]), np.array([3.0]))[0]
    assert box[2] * gsd == pytest.approx(40 * ALONG_M, rel=1e-6)
    assert box[3] * gsd == pytest.approx(3.0)
    assert abs((box[4] - turn + 90) % 180 - 90) < 1e-6
    along, side = frame.locate(box[None, :2])
    assert along[0] == pytest.approx((start + stop) / 2 - 0.5, abs=1e-6)
    assert side[0] == pytest.approx(across, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.5, 60), st.floats(0, 360))
def test_a_short_line_is_prolonged_whatever_its_length_is_rounded_to(size, turn):
    end = np.array([7.3, 2.1]) + size * np.array([np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))])
    line = np.linspace([7.3, 2.1], end, 30)
    assert length(extend(line, 5.0, 400.0)) == pytest.approx(size + 10.0)


def test_straightening_a_curve_makes_its_painted_line_straight():
    gsd, line = 0.4, arc(400)
    image = np.zeros((400, 500, 3), np.uint8)
    cv2.polylines(image, [np.round(line * 16).astype(np.int32)], False, (255, 255, 255), 4, cv2.LINE_AA, 4)
    strip = straighten(image, np.ones(image.shape[:2], bool), frame_along(line, gsd))
    middle = strip.pixels[0].astype(float)
    inner = middle[:, 10:-10]
    centroid = (inner * np.arange(ACROSS)[:, None]).sum(0) / inner.sum(0)
    assert np.abs(centroid - (ACROSS - 1) / 2).max() < 1.0
    assert strip.pixels.shape == (3, ACROSS, len(strip.frame))


def test_a_fine_image_is_averaged_not_thinned_out():
    stripes = np.zeros((600, 600, 3), np.uint8)
    stripes[:, ::4] = 255
    line = np.array([[100.0, 300.0], [500.0, 300.0]])
    strip = straighten(stripes, np.ones((600, 600), bool), frame_along(line, 0.05))
    assert np.ptp(strip.pixels.astype(int)) < 30


def test_outside_the_image_is_not_valid():
    image, line = np.full((100, 100, 3), 90, np.uint8), np.array([[-50.0, 50.0], [50.0, 50.0]])
    strip = straighten(image, np.ones((100, 100), bool), frame_along(line, 0.4))
    assert not strip.valid[:, :45].any()
    assert strip.valid[:, 55:].all()


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 900), st.integers(30, 300))
def test_pieces_cover_every_column(n, size):
    frame = frame_along(np.array([[0.0, 0.0], [n * ALONG_M, 0.0]]), 1.0)
    seen = np.zeros(len(frame), int)
    for start, piece in pieces(frame, size, size // 3):
        seen[start : start + len(piece)] += 1
        assert np.array_equal(piece.centres, frame.centres[start : start + len(piece)])
    assert seen.min() >= 1


def test_lines_are_measured_prolonged_and_clipped():
    line = np.array([[0.0, 0.0], [30.0, 0.0], [30.0, 40.0]])
    assert length(line) == pytest.approx(70)
    assert len(resample(line, 10.0)) == 8
    longer = extend(line, 5.0, 20.0)
    assert length(longer) == pytest.approx(80)
    inside = clip_to_frame(np.array([[-10.0, 5.0], [30.0, 5.0]]), 20, 20, 1.0)
    assert len(inside) == 1
    assert inside[0][:, 0].min() >= 0
    assert inside[0][:, 0].max() <= 20
    with pytest.raises(InputError, match="shorter than one step"):
        resample(np.array([[0.0, 0.0], [1.0, 0.0]]), 5.0)
    with pytest.raises(InputError, match="confidence"):
        Axis(line, 1.5, "map")
