"""Baselines, changes and their p-values: the rules, and what they cover on simulated series."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.period import Period
from models.stats.baseline import baseline_of
from models.stats.change import change_of
from models.stats.ranks import rank_p_value
from models.stats.series import Series

FIRST = date(2018, 10, 1)
TARGET = Period.parse("2023-10-01/2023-10-31")


def series(days, values, half=5.0, level=0.9):
    """Dates as days since FIRST, in any order."""
    order = np.argsort(days, kind="stable")
    values = np.asarray(values, dtype=float)[order]
    times = np.array(FIRST, "datetime64[s]") + np.asarray(days)[order].astype("timedelta64[D]")
    ids = tuple(f"s{i}" for i in order)
    return Series(
        "yard",
        "railcars",
        "railcars",
        level,
        times,
        values,
        values - half,
        values + half,
        ids,
        ("m",) * len(ids),
    )


def at(day):
    return (day - FIRST).days


numbers = st.floats(0, 200).map(lambda x: round(x, 1))
dates = st.lists(st.tuples(st.integers(-500, 2500), numbers), min_size=1, max_size=40)


@given(dates, st.sampled_from([None, 15, 45]), st.integers(0, 60), st.booleans())
def test_every_date_is_used_or_excluded_with_a_reason_and_the_target_never_used(rows, season, guard, both):
    one = series(*zip(*rows, strict=True))
    baseline = baseline_of(one, TARGET, 5, season, guard, both)
    assert sorted((*baseline.used.scene_ids, *(e.scene_id for e in baseline.excluded))) == sorted(
        one.scene_ids
    )
    assert not baseline.used.within(TARGET).any()
    days = baseline.times.astype("datetime64[D]").tolist()
    for day in days:
        assert day < TARGET.start - timedelta(days=guard) or (
            both and day >= TARGET.end + timedelta(days=guard)
        )
        assert date(2018, 10, 1) <= day < date(2028, 11, 1)
        if season is not None:
            shifted = [date(year, 10, d) for year in range(2017, 2030) for d in range(1, 32)]
            assert min(abs((day - other).days) for other in shifted) <= season + 1
    for gone in baseline.excluded:
        inside = TARGET.contains(gone.time.astype("datetime64[D]").item())
        assert (gone.reason == "target") == inside


@given(dates, numbers)
def test_target_values_never_change_the_baseline(rows, other):
    one = series(*zip(*rows, strict=True))
    values = np.where(one.within(TARGET), other, one.values)
    changed = Series(
        "yard",
        "railcars",
        "railcars",
        0.9,
        one.times,
        values,
        values - 5,
        values + 5,
        one.scene_ids,
        one.methods,
    )
    first, second = baseline_of(one, TARGET), baseline_of(changed, TARGET)
    assert first.values.tolist() == second.values.tolist()
    if first.n:
        assert (first.median, first.spread, first.maximum) == (second.median, second.spread, second.maximum)


def test_a_season_reaches_over_the_turn_of_the_year():
    target = Period.parse("2023-01-05")
    days = [date(2021, 12, 28), date(2022, 1, 12), date(2022, 1, 20), date(2021, 12, 10), date(2020, 2, 29)]
    one = series([at(day) for day in days], np.arange(5.0))
    kept = baseline_of(one, target, season_days=10)
    assert set(kept.values) == {0.0, 1.0}
    assert {gone.reason for gone in kept.excluded} == {"season"}


def test_statistics_are_robust_and_an_empty_baseline_says_what_would_help():
    one = series(np.arange(9) * 30, [2, 3, 4, 4, 5, 5, 6, 7, 90.0])
    baseline = baseline_of(one, TARGET)
    assert (baseline.n, len(baseline)) == (9, 9)
    assert (baseline.minimum, baseline.median, baseline.maximum) == (2, 5, 90)
    assert baseline.spread == pytest.approx(1.4826)
    empty = baseline_of(one, Period.parse("2018-10-01"))
    assert empty.n == 0
    with pytest.raises(InputError, match="allow more years"):
        _ = empty.median
    with pytest.raises(InputError, match="at least one"):
        change_of(one, TARGET, baseline)


@given(
    st.lists(numbers, min_size=1, max_size=5),
    st.lists(numbers, min_size=0, max_size=30),
    st.sampled_from(["maximum", "median", "minimum"]),
    st.sampled_from(["rise", "fall"]),
)
def test_rank_p_values_lie_in_their_range_and_are_monotone(target, baseline, statistic, direction):
    target, baseline = np.array(target), np.array(baseline)
    p = rank_p_value(target, baseline, statistic, direction)
    assert 1 / (len(baseline) + 1) - 1e-12 <= p <= 1
    sign = 1 if direction == "rise" else -1
    assert rank_p_value(target + 7 * sign, baseline, statistic, direction) <= p
    # Mirrored, the question is the same; the lower of two middle values has no mirror image.
    if statistic != "median" or len(target) % 2:
        mirror = {"maximum": "minimum", "minimum": "maximum", "median": "median"}[statistic]
        back = {"rise": "fall", "fall": "rise"}[direction]
        assert rank_p_value(-target, -baseline, mirror, back) == pytest.approx(p)


@given(numbers, st.lists(numbers, max_size=30))
def test_one_target_date_gives_the_conformal_p_value(value, baseline):
    k = sum(b >= value for b in baseline)
    assert rank_p_value(np.array([value]), np.array(baseline)) == pytest.approx((1 + k) / (len(baseline) + 1))


@pytest.mark.parametrize("statistic", ["maximum", "median"])
@pytest.mark.parametrize("n", [1, 4])
def test_p_values_are_valid_when_nothing_changed(n, statistic):
    """Without a change at most one in ten falls below 0.1, also for the largest of four dates."""
    rng = np.random.default_rng(3)
    p = np.array([rank_p_value(v[:n], v[n:], statistic) for v in rng.gamma(2, 5, (500, n + 29))])
    for level in (0.05, 0.1, 0.3):
        assert (p <= level).mean() <= level + 0.03
    if statistic == "maximum":
        assert (p <= 0.3).mean() > 0.2  # and it is not empty caution


@given(dates.filter(lambda rows: len(rows) > 2), st.sampled_from(["maximum", "median", "minimum"]))
def test_intervals_contain_their_values(rows, statistic):
    one = series(*zip(*rows, strict=True), half=0.0)
    wide = Series(
        "yard",
        "railcars",
        "railcars",
        0.9,
        one.times,
        one.values,
        one.values * 0.7,
        one.values * 1.4 + 1,
        one.scene_ids,
        one.methods,
    )
    baseline = baseline_of(wide, TARGET)
    if not baseline.n or not wide.within(TARGET).any():
        return
    change = change_of(wide, TARGET, baseline, statistic)
    assert change.low <= change.value <= change.high
    assert change.effect_low <= change.effect <= change.effect_high
    assert 0 <= change.effect_level < change.level
    if change.ratio is not None:
        assert change.ratio_low <= change.ratio <= change.ratio_high
    assert change.n + change.m + sum(e.reason != "target" for e in baseline.excluded) == len(wide)


def test_a_clear_rise_is_told_with_its_size():
    rng = np.random.default_rng(0)
    days = [*range(0, 1800, 30), at(date(2023, 10, 5))]
    one = series(days, [*rng.uniform(5, 20, 60), 73.0])
    change = change_of(one, TARGET, baseline_of(one, TARGET))
    assert change.p_rank == pytest.approx(1 / 61)
    assert 50 < change.effect_low < change.effect < change.effect_high < 70
    assert 3.4 < change.ratio < 4
    assert change.scene_ids == ("s60",)
    falling = change_of(one, TARGET, baseline_of(one, TARGET), "minimum", "fall")
    assert falling.p_rank == 1


def test_a_baseline_with_its_own_target_is_refused():
    one = series([0, 30, at(date(2023, 10, 5))], [1.0, 2, 3])
    foreign = baseline_of(one, Period.parse("2023-11"))
    with pytest.raises(InputError, match="leave them out"):
        change_of(one, TARGET, foreign)


@pytest.mark.parametrize("m", [6, 12, 40])
def test_the_effect_is_covered_as_often_as_promised(m):
    """Truth: shifted by 30 from a skewed usual state; each date is measured with normal noise."""
    rng = np.random.default_rng(m)
    days = [*(np.arange(m) * 30).tolist(), at(date(2023, 10, 5))]
    hits, promised = [], 0.0
    noise = 4.0
    for _ in range(200):
        usual = rng.gamma(2, 5, m)
        truth = rng.gamma(2, 5) + 30
        seen = np.append(usual, truth) + rng.normal(0, noise, m + 1)
        one = series(days, seen, half=1.645 * noise)
        change = change_of(one, TARGET, baseline_of(one, TARGET))
        # The median of what is measured on usual days, from a large sample.
        hits.append(change.effect_low <= truth - MEASURED_MEDIAN <= change.effect_high)
        promised = change.effect_level
    assert promised >= 0.8
    assert np.mean(hits) >= promised


_rng = np.random.default_rng(99)
MEASURED_MEDIAN = float(np.median(_rng.gamma(2, 5, 200_000) + _rng.normal(0, 4.0, 200_000)))
