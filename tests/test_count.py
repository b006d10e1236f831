"""Counts carry both kinds of error, and say nothing that their detector cannot see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.grid import local_grid
from models.detections import Detections
from models.wagons.count import EDGES_MOST, count

GRID = local_grid(1000, 1000, 0.5)


def boxes(n, tarps=()):
    return Detections(
        GRID, np.tile([500.0, 500.0, 28.0, 6.0, 0.0], (n, 1)), np.full(n, 0.9), tarps=tuple(tarps)
    )


@given(n=st.integers(0, 400), share=st.floats(0.05, 1), level=st.floats(0.5, 0.99))
def test_the_interval_holds_the_count_and_widens_with_what_is_hidden(n, share, level):
    measured = {m.quantity: m for m in count(boxes(n), share, level, "edges")}
    railcars = measured["railcars"]
    assert railcars.value == n
    assert railcars.low <= n <= railcars.high
    assert railcars.high >= n / share
    assert railcars.visible_share == share
    assert measured["occupied_track_m"].value == pytest.approx(14 * n)


def test_nothing_found_is_not_nothing_there():
    (railcars, metres) = count(boxes(0), 1.0, 0.9, "edges")
    assert (railcars.value, railcars.low) == (0, 0)
    assert railcars.high > 0
    assert metres.high > 0


def test_half_hidden_track_doubles_the_upper_end_only():
    seen, half = (count(boxes(20), share, 0.9, "edges")[0] for share in (1.0, 0.5))
    assert half.high == pytest.approx(2 * seen.high)
    assert (half.value, half.low) == (seen.value, seen.low)
    assert seen.high > EDGES_MOST * 20


def test_a_detector_that_reads_no_covers_gives_no_count_of_them():
    quantities = {m.quantity for m in count(boxes(3, ["none"] * 3), 1.0, 0.9, "edges")}
    assert quantities == {"railcars", "occupied_track_m"}
