"""A few checked dates correct a series: without bias, with intervals that hold, and never by choice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import InputError
from models.stats.checked import LEAST, chances, corrected, draw


def world(rng, n=80, rate=0.8):
    """True counts, and a machine that misses a fifth, more so where there is more."""
    truth = rng.poisson(20 * rng.gamma(2, 0.5, n)).astype(float)
    machine = rng.binomial(truth.astype(int), rate).astype(float)
    half = 2 * np.sqrt(machine + 1)
    return truth, machine, chances(np.maximum(0, machine - half), machine + half)


def test_chances_are_a_distribution_that_leaves_nobody_out():
    chance = chances(np.array([0.0, 5, 2]), np.array([0.0, 15, np.inf]))
    assert chance.sum() == pytest.approx(1)
    assert chance.min() == pytest.approx(1 / 6)
    assert chance[1] == chance[2], "an open end counts as the widest of the others"
    assert chances(np.zeros(4), np.zeros(4)).tolist() == [0.25] * 4
    with pytest.raises(InputError, match="no date"):
        chances(np.empty(0), np.empty(0))


def test_the_corrected_mean_has_no_bias_and_its_interval_holds():
    rng = np.random.default_rng(3)
    apart, held, widths = [], [], []
    for _ in range(600):
        truth, machine, chance = world(rng)
        drawn = draw(chance, 12, rng)
        mean = corrected(machine, {int(i): truth[i] for i in drawn}, drawn.tolist(), chance)
        apart.append(mean.value - truth.mean())
        held.append(mean.low <= truth.mean() <= mean.high)
        widths.append(mean.high - mean.low)
    machine_bias = 20 * 0.2
    assert abs(np.mean(apart)) < 0.15 < machine_bias
    assert 0.84 <= np.mean(held) <= 0.96
    assert np.mean(widths) < 2 * machine_bias, "twelve dates of eighty say more than nothing"


def test_a_part_of_the_dates_is_corrected_from_the_same_draws():
    rng = np.random.default_rng(4)
    apart, held = [], []
    for _ in range(600):
        truth, machine, chance = world(rng)
        among = np.arange(80) >= 50
        drawn = draw(chance, 25, rng)
        mean = corrected(machine, {int(i): truth[i] for i in drawn}, drawn.tolist(), chance, among)
        apart.append(mean.value - truth[among].mean())
        held.append(mean.low <= truth[among].mean() <= mean.high)
        assert mean.dates == 30
    assert abs(np.mean(apart)) < 0.2
    assert 0.82 <= np.mean(held) <= 0.97


def test_only_draws_before_the_first_gap_count():
    machine, chance = np.array([10.0, 10, 10, 10]), np.full(4, 0.25)
    drawn = [2, 0, 3, 1]
    some = corrected(machine, {2: 14.0, 3: 99.0}, drawn, chance)
    assert (some.draws, some.value, some.checked) == (1, 14.0, 2), "the last was chosen, not drawn yet"
    none = corrected(machine, {1: 99.0}, drawn, chance)
    assert (none.draws, none.value) == (0, 10.0)
    assert np.isnan([some.low, some.high, none.low]).all()


def test_where_all_is_checked_nothing_is_estimated():
    mean = corrected(np.array([1.0, 2]), {0: 3.0, 1: 4.0}, [], np.full(2, 0.5))
    assert (mean.value, mean.low, mean.high) == (3.5, 3.5, 3.5)


@given(st.lists(st.integers(0, 200), min_size=2, max_size=30), st.integers(-3, 9), st.integers(0, 2**32))
def test_a_constant_error_is_found_exactly_by_uniform_draws(counts, error, seed):
    machine = np.array(counts, dtype=float)
    chance = np.full(len(machine), 1 / len(machine))
    drawn = draw(chance, LEAST, np.random.default_rng(seed)).tolist()
    mean = corrected(machine, {i: machine[i] + error for i in drawn}, drawn, chance)
    assert mean.value == pytest.approx(machine.mean() + error)


def test_the_mean_of_nothing_is_refused():
    with pytest.raises(InputError, match="no date"):
        corrected(np.ones(3), {}, [], np.full(3, 1 / 3), np.zeros(3, dtype=bool))
