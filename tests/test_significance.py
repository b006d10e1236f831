"""Breaks, tails, power, many tests and placebos: each rule, and what it promises on simulated series."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.period import Period
from models.stats.baseline import baseline_of
from models.stats.breaks import LEVEL, era_of, step_between
from models.stats.change import change_of, p_of
from models.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, family_of
from models.stats.placebo import placebo_periods, placebo_sites, stretches
from models.stats.power import power_of
from models.stats.ranks import rank_p_value
from models.stats.series import Series
from models.stats.tail import correlation_days, independent_dates, tail_of

FIRST = date(2018, 10, 1)
TARGET = Period.parse("2023-10-01/2023-10-31")
OLD, NEW = "Sentinel-2 before 04.00", "Sentinel-2 04.00"


def series(days, values, half=2.0, eras=(), orbits=()):
    values = np.asarray(values, dtype=float)
    times = np.array(FIRST, "datetime64[s]") + np.asarray(days).astype("timedelta64[D]")
    ids = tuple(f"s{i}" for i in range(len(values)))
    return Series(
        "yard", "railcars", "railcars", 0.9, times, values, values - half, values + half, ids,
        ("m",) * len(ids), orbits, eras,
    )  # fmt: skip


def five_years(rng, n=60, target=1, draw=None):
    days = np.sort(rng.choice(1800, n, replace=False))
    draw = draw or (lambda size: rng.gamma(1.2, 4.0, size))
    return series([*days, *(1830 + 5 * np.arange(target))], draw(n + target))


def split(one, step, at=1200):
    """The same dates as if all from day ``at`` on went through another processing, ``step`` higher."""
    late = (one.times - np.datetime64(FIRST, "s")).astype("timedelta64[D]").astype(int) >= at
    moved = one.values + step * late
    return replace(
        one, values=moved, lows=moved - 2, highs=moved + 2, eras=tuple(np.where(late, NEW, OLD).tolist())
    )


def inside(one):
    return one.take(one.within(TARGET))


@pytest.mark.parametrize(
    ("sensor", "version", "day", "era"),
    [
        ("sentinel-2-l2a", "02.14", date(2020, 1, 1), OLD),
        ("sentinel-2-l2a", "04.00", date(2022, 3, 1), NEW),
        ("sentinel-2-l2a", "05.00", date(2020, 1, 1), "Sentinel-2 Collection 1"),  # reprocessed
        ("sentinel-2-l2a", None, date(2022, 1, 24), OLD),
        ("sentinel-2-l2a", None, date(2022, 1, 25), NEW),
        ("sentinel-2-l2a", "none", date(2023, 10, 5), "Sentinel-2 Collection 1"),
        ("planetscope", "04.00", date(2022, 3, 1), ""),
    ],
)
def test_the_stated_processing_has_the_first_word_and_the_day_the_second(sensor, version, day, era):
    assert era_of(sensor, version, day) == era
    assert era_of("sentinel-2", None, day, simulated=True) == ""


@given(st.integers(0, 200), st.floats(-50, 50))
@settings(max_examples=25, deadline=None)
def test_a_step_of_processing_is_never_a_signal(seed, step):
    rng = np.random.default_rng(seed)
    one = five_years(rng)
    plain, moved = split(one, 0.0), split(one, step)
    first, second = baseline_of(plain, TARGET), baseline_of(moved, TARGET)
    (found,), (known,) = second.steps, first.steps
    assert found.shift - step == pytest.approx(known.shift, abs=1e-6)
    assert found.low <= found.shift <= found.high
    # Whatever the step, the target stands as it stood without one.
    assert p_of(inside(moved), second) == pytest.approx(p_of(inside(plain), first))
    a, b = (change_of(x, TARGET, base) for x, base in ((plain, first), (moved, second)))
    assert b.effect == pytest.approx(a.effect, abs=1e-6)
    assert (b.effect_low, b.effect_high) == pytest.approx((a.effect_low, a.effect_high), abs=1e-6)
    # The doubt about it weakens what can be said.
    assert a.effect_level < change_of(one, TARGET, baseline_of(one, TARGET)).effect_level


def test_the_interval_of_a_step_covers_it_and_few_dates_give_none():
    rng = np.random.default_rng(5)
    held = []
    for _ in range(150):
        one = split(five_years(rng), 7.0)
        found = step_between(one.take(~one.within(TARGET)), OLD, NEW)
        held.append(found.low <= 7.0 <= found.high)
    assert np.mean(held) >= 0.97
    assert LEVEL > 0.99
    one = split(five_years(rng, 20), 7.0, at=1750)
    few = baseline_of(one, TARGET)
    assert not few.steps
    assert {gone.reason for gone in few.excluded} >= {"break"}
    assert all(era == NEW for era in few.used.eras)


@given(st.integers(0, 300))
@settings(max_examples=20, deadline=None)
def test_no_value_of_the_target_reaches_its_baseline_through_a_step(seed):
    rng = np.random.default_rng(seed)
    one = split(five_years(rng), 5.0)
    wild = replace(one, values=np.where(one.within(TARGET), 1e4, one.values), highs=np.full(len(one), 2e4))
    first, second = baseline_of(one, TARGET), baseline_of(wild, TARGET)
    assert first.values.tolist() == second.values.tolist()
    assert first.steps == second.steps


def test_radar_is_held_against_its_own_orbit_only():
    rng = np.random.default_rng(0)
    one = five_years(rng)
    odd = [*(np.arange(len(one) - 1) % 2 == 0), True]
    orbits = tuple("54" if is_odd else "127" for is_odd in odd)
    values = np.where(odd, 5.0, 50.0)
    mixed = replace(one, values=values, lows=values, highs=values, orbits=orbits)
    baseline = baseline_of(mixed, TARGET)
    assert set(baseline.values) == {5.0}
    assert {gone.reason for gone in baseline.excluded} == {"target", "orbit"}


@pytest.mark.parametrize("n", [1, 4])
def test_both_p_values_are_seldom_small_where_nothing_changed(n):
    rng = np.random.default_rng(n)
    draws = (lambda k: rng.normal(10, 4, k), lambda k: rng.gamma(1.2, 4, k), lambda k: rng.standard_t(3, k))
    for draw in draws:
        ranks, tails = [], []
        for _ in range(120):
            one = five_years(rng, 40, n, draw)
            baseline = baseline_of(one, TARGET)
            ranks.append(p_of(inside(one), baseline))
            tails.append(tail_of(inside(one), baseline).p)
        slack = 2.5 * np.sqrt(0.1 * 0.9 / 120)
        assert np.mean(np.array(ranks) <= 0.1) <= 0.1 + slack
        assert np.mean(np.array(tails) <= 0.1) <= 0.12 + slack


@given(st.integers(0, 100), st.floats(-30, 30), st.floats(0.2, 9))
@settings(max_examples=25, deadline=None)
def test_p_values_do_not_depend_on_unit_or_origin(seed, shift, scale):
    one = five_years(np.random.default_rng(seed), 30, 2)
    parts = {name: shift + scale * getattr(one, name) for name in ("values", "lows", "highs")}
    other = replace(one, **parts)
    first, second = (change_of(x, TARGET, baseline_of(x, TARGET)) for x in (one, other))
    assert first.p_rank == second.p_rank
    assert first.tail.p == pytest.approx(second.tail.p, rel=1e-6)


def test_dates_that_last_are_worth_fewer_and_the_model_says_so():
    rng = np.random.default_rng(3)
    days = np.arange(0, 1800, 5)
    times = np.array(FIRST, "datetime64[s]") + days.astype("timedelta64[D]")
    lasting = np.repeat(rng.normal(10, 4, 60), 6)
    alike = correlation_days(times, lasting)
    assert alike >= 8
    assert correlation_days(times, rng.permutation(lasting)) <= 2
    assert independent_dates(times, alike) < len(days) / 2
    assert independent_dates(times, 0.0) == len(days)
    one = series([*days, 1830], [*lasting, 40.0])
    assert "states that last" in tail_of(inside(one), baseline_of(one, TARGET)).assumptions
    assert tail_of(inside(one), baseline_of(one, Period.parse("2018-10-20"))) is None


@given(st.integers(0, 60), st.floats(1.05, 4))
@settings(max_examples=20, deadline=None)
def test_the_smallest_change_grows_with_noise_and_with_the_power_asked_for(seed, more):
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 3, 41)
    days = [*np.sort(rng.choice(1800, 40, replace=False)), 1835]
    calm, restless = (series(days, 20 + factor * noise) for factor in (1.0, more))
    found = [power_of(inside(x), baseline_of(x, TARGET)) for x in (calm, restless)]
    assert found[1].smallest == pytest.approx(more * found[0].smallest, rel=1e-6)
    surer = power_of(inside(calm), baseline_of(calm, TARGET), power=0.95)
    assert surer.smallest >= found[0].smallest
    # The target's own values play no part, its errors do.
    dull = replace(
        calm, lows=calm.lows - 20.0 * calm.within(TARGET), highs=calm.highs + 20.0 * calm.within(TARGET)
    )
    assert power_of(inside(dull), baseline_of(dull, TARGET)).smallest > found[0].smallest
    up = replace(inside(calm), values=inside(calm).values + 50)
    assert power_of(up, baseline_of(calm, TARGET)).smallest == found[0].smallest


def test_the_smallest_change_is_shown_as_often_as_it_says():
    rng = np.random.default_rng(8)
    shown = []
    for _ in range(150):
        one = five_years(rng, 40, 1)
        baseline = baseline_of(one, TARGET)
        power = power_of(inside(one), baseline)
        target = inside(one).values + power.smallest
        shown.append(rank_p_value(target, baseline.values) <= power.level)
    assert np.mean(shown) == pytest.approx(0.8, abs=0.08)


def test_with_few_earlier_dates_no_change_could_be_shown_and_the_words_say_so():
    one = series([100, 200, 300, 1835], [1, 2, 3, 90])
    power = power_of(inside(one), baseline_of(one, TARGET))
    assert power.smallest is None
    assert power.least_p == pytest.approx(0.25)
    assert "no rise of any size" in power.words
    full = series([*range(0, 1800, 60), 1835], [*[4.0, 5.0, 6.0] * 10, 5])
    fall = power_of(inside(full), baseline_of(full, TARGET), "minimum", "fall")
    assert fall.smallest > 0
    assert "fall of" in fall.words


ps = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(ps, st.randoms(use_true_random=False))
def test_false_discovery_rates_keep_order_and_do_not_depend_on_it(p, chance):
    q, any_q = benjamini_hochberg(p), benjamini_yekutieli(p)
    assert (q >= np.array(p) - 1e-12).all()
    assert (any_q >= q - 1e-12).all()
    assert (any_q <= 1).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(q[order]) >= 0).all()
    shuffled = list(range(len(p)))
    chance.shuffle(shuffled)
    np.testing.assert_allclose(benjamini_hochberg([p[i] for i in shuffled]), q[shuffled])
    # A smaller p-value anywhere makes no other less surprising.
    lower = benjamini_hochberg([p[0] / 2, *p[1:]])
    assert (lower <= q + 1e-12).all()


def test_false_discoveries_are_as_rare_as_promised_and_counted():
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.random(60), rng.beta(0.1, 20, 15)])
        called = benjamini_hochberg(p) <= 0.1
        shares.append(called[:60].sum() / max(called.sum(), 1))
    assert np.mean(shares) <= 0.1
    family = family_of([0.001, 0.02, 0.5, 0.9], 0.1)
    assert (family.alarms, family.survive, family.expected_false) == (2, 2, pytest.approx(0.4))
    assert "0.4" in family.words
    assert family_of([]).tests == 0
    with pytest.raises(InputError, match="between 0 and 1"):
        benjamini_hochberg([0.5, 1.5])


def test_placebo_periods_alarm_at_their_rate_and_never_see_the_target():
    rng = np.random.default_rng(2)
    tested = alarms = 0
    for _ in range(12):
        one = five_years(rng, 120, 3)
        baseline = baseline_of(one, TARGET)
        placebo = placebo_periods(baseline, guard_days=0)
        tested, alarms = tested + placebo.n, alarms + placebo.alarms
        low, high = placebo.interval
        assert low <= placebo.alarms / placebo.n <= high
        wild = replace(
            one, values=np.where(one.within(TARGET), 999.0, one.values), highs=np.full(len(one), 1e4)
        )
        assert placebo_periods(baseline_of(wild, TARGET), guard_days=0) == placebo
    assert alarms / tested <= 0.1 + 2.5 * np.sqrt(0.09 / tested)
    assert alarms > 0
    spans = stretches(baseline)
    assert {span.days for span in spans} == {TARGET.days}
    assert all(later.start == earlier.end for later, earlier in pairwise(spans))
    assert spans[0].end == TARGET.start
    assert "No other site" in placebo_sites([]).words
    assert "1 other site" in placebo_sites([0.05]).words
