"""Counts carry both kinds of error, and say nothing that their detector cannot see."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.grid import local_grid
from models.detections import Detections
from models.wagons.count import TYPICAL_M, count

GRID = local_grid(1000, 1000, 0.5)


def boxes(n):
    return Detections(GRID, np.tile([500.0, 500.0, 28.0, 6.0, 0.0], (n, 1)), np.full(n, 0.9))


@given(n=st.integers(0, 400), share=st.floats(0.05, 1), level=st.floats(0.5, 0.99))
def test_the_interval_holds_the_boxes_and_widens_with_what_is_hidden(n, share, level):
    railcars, metres = count(boxes(n), share, level, "edges")
    assert railcars.value == n
    assert railcars.low <= n <= railcars.high
    assert railcars.high >= n / share
    assert railcars.visible_share == share
    assert metres.value == pytest.approx(14 * n)


def test_nothing_found_is_not_nothing_there():
    railcars, metres = count(boxes(0), 1.0, 0.9, "edges")
    assert (railcars.value, railcars.low) == (0, 0)
    assert railcars.high > 0
    assert metres.high == pytest.approx(railcars.high * TYPICAL_M)


def test_hidden_track_raises_the_upper_end_alone():
    seen, half = (count(boxes(60), share, 0.9, "edges")[0] for share in (1.0, 0.5))
    assert half.high == pytest.approx(3 * seen.high)
    assert half.value == seen.value


def test_a_few_boxes_on_much_ground_may_all_be_false():
    assert count(boxes(10), 1.0, 0.9, "edges")[0].low == 0
    assert count(boxes(200), 1.0, 0.9, "edges")[0].low > 60


def test_a_detector_that_reads_no_covers_gives_no_count_of_them():
    assert {m.quantity for m in count(boxes(3), 1.0, 0.9, "edges")} == {"railcars", "occupied_track_m"}


def test_unknown_detectors_and_unseen_places_are_refused():
    with pytest.raises(InputError, match="no error rates of detector 'eyes'"):
        count(boxes(3), 1.0, 0.9, "eyes")
    with pytest.raises(InputError, match="visible share 0"):
        count(boxes(3), 0.0, 0.9, "edges")
