"""The usual look of a pixel: equal to numpy's median and MAD to the stated tolerance, whatever the gaps."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.alignment.usual import GAP, MAD_TO_SIGMA, STEP, middle, usual_of
from imagery.errors import InputError


def plain(cube):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        median = np.nanmedian(cube, axis=0)
        return median, MAD_TO_SIGMA * np.nanmedian(np.abs(cube - median), axis=0)


def cube_of(dates, pixels, gaps, seed):
    rng = np.random.default_rng(seed)
    cube = rng.choice([0.05, 0.2, 0.6], pixels) + rng.gamma(0.6, 0.08, (dates, pixels))
    cube[rng.random(cube.shape) < gaps] = np.nan
    return cube.astype(np.float32)


@given(st.integers(2, 70), st.integers(1, 40), st.sampled_from([0.0, 0.3, 0.9]), st.integers(0, 999))
def test_median_and_spread_are_those_of_numpy_to_the_stated_tolerance(dates, pixels, gaps, seed):
    cube = cube_of(dates, pixels, gaps, seed)
    usual, (median, spread) = usual_of(cube), plain(cube)
    np.testing.assert_array_equal(usual.seen, np.isfinite(cube).sum(axis=0))
    np.testing.assert_allclose(usual.median, median, atol=0.51 * STEP)
    np.testing.assert_allclose(usual.spread, spread, atol=1.51 * MAD_TO_SIGMA * STEP)


@given(st.integers(2, 40), st.integers(0, 999))
def test_the_order_of_dates_changes_nothing_and_a_common_step_moves_the_median_only(dates, seed):
    cube = cube_of(dates, 30, 0.3, seed)
    usual = usual_of(cube)
    turned = usual_of(cube[np.random.default_rng(seed).permutation(dates)])
    np.testing.assert_array_equal(usual.median, turned.median)
    np.testing.assert_array_equal(usual.spread, turned.spread)
    moved = usual_of(cube + np.float32(0.05))
    np.testing.assert_allclose(moved.median, usual.median + 0.05, atol=1.1 * STEP)
    np.testing.assert_allclose(moved.spread, usual.spread, atol=2.1 * MAD_TO_SIGMA * STEP)


@pytest.mark.parametrize("dates", [127, 128, 129, 260])
def test_many_dates_and_several_blocks_in_bands_and_rows(dates):
    cube = cube_of(dates, 2 * 5 * 70, 0.3, 1).reshape(dates, 2, 5, 70)
    usual, (median, _) = usual_of(cube), plain(cube)
    assert usual.median.shape == usual.spread.shape == usual.seen.shape == (2, 5, 70)
    np.testing.assert_allclose(usual.median, median, atol=0.51 * STEP)


def test_a_pixel_that_is_never_seen_is_unknown_and_values_beyond_the_range_still_count_as_high_or_low():
    cube = np.full((5, 4), 0.1, dtype=np.float32)
    cube[:, 1] = np.nan
    cube[0, 2], cube[1, 2] = np.inf, -7.0
    cube[:, 3] = 2.5
    usual = usual_of(cube)
    assert usual.seen.tolist() == [5, 0, 5, 5]
    assert usual.median[[0, 2]] == pytest.approx([0.1, 0.1], abs=STEP)
    assert np.isnan(usual.median[[1, 3]]).all()
    assert np.isnan(usual.spread[[1, 3]]).all()
    # A wider step reaches further.
    assert usual_of(cube, step=1e-3).median[3] == pytest.approx(2.5, abs=1e-3)


def test_change_is_in_spreads_and_unknown_where_either_is():
    cube = np.linspace(0.1, 0.2, 21, dtype=np.float32)[:, None].repeat(3, axis=1)
    cube[:, 2] = 0.15
    look = np.array([0.15 + 2 * MAD_TO_SIGMA * 0.025, np.nan, 0.15], dtype=np.float32)
    change = usual_of(cube).change(look)
    assert change[0] == pytest.approx(2.0, abs=0.02)
    assert np.isnan(change[1])
    assert change[2] == pytest.approx(0.0, abs=1.0)


def test_middle_leaves_gaps_out():
    codes = np.array([[7, GAP, 4], [GAP, GAP, 9], [1, GAP, 2], [3, GAP, 3]], dtype=np.int16)
    assert middle(codes).tolist() == [3, GAP, 3]


@pytest.mark.parametrize(
    "cube", [np.zeros((1, 4), np.float32), np.zeros((9, 4)), np.zeros((2000, 1), np.float32)]
)
def test_other_cubes_are_refused(cube):
    with pytest.raises(InputError, match="usual look"):
        usual_of(cube)
