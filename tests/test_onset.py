"""When a change began, and the spans in which something was there: rules, invariances and coverage."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.period import Period
from models.stats.episodes import episodes_of
from models.stats.onset import onset_of
from models.stats.series import Series

FIRST = date(2023, 1, 1)
PERIOD = Period.parse("2023-07-01/2023-10-31")


def series(days, values, half=5.0):
    values = np.asarray(values, dtype=float)
    times = np.array(FIRST, "datetime64[s]") + np.asarray(days).astype("timedelta64[D]")
    ids = tuple(f"s{i}" for i in range(len(values)))
    return Series(
        "yard",
        "railcars",
        "railcars",
        0.9,
        times,
        values,
        values - half,
        values + half,
        ids,
        ("m",) * len(ids),
    )


def rising(seed, began=230, per_day=3.0, every=4, sd=3.0):
    rng = np.random.default_rng(seed)
    days = np.arange(rng.integers(0, every), 280, every)
    days = days[rng.random(len(days)) < 0.8]
    truth = 5 + np.clip(per_day * (days - began), 0, 70)
    return series(days, truth + rng.normal(0, sd, len(days)), 1.645 * sd)


def found(one, seed=0, **options):
    return onset_of(one, PERIOD, np.random.default_rng(seed), **options)


def test_the_interval_covers_the_day_as_often_as_promised_and_is_narrow():
    held, widths = [], []
    for seed in range(80):
        began = 210 + seed % 40
        one = found(rising(seed, began))
        held.append(one.found and one.low <= FIRST + timedelta(days=began) <= one.high)
        widths.append((one.high - one.low).days + 1)
    assert 0.83 <= np.mean(held) <= 0.99
    assert np.median(widths) <= 8


def test_nothing_is_found_in_exchangeable_dates_more_often_than_promised():
    rng = np.random.default_rng(1)
    days = np.arange(0, 300, 5)
    p = [found(series(days, rng.gamma(1.0, 5.0, len(days))), seed).p for seed in range(120)]
    for alpha in (0.05, 0.1, 0.3):
        assert np.mean(np.array(p) <= alpha) <= alpha + 2.5 * np.sqrt(alpha * (1 - alpha) / len(p))
    assert np.mean(p) < 0.65  # and not by never finding anything


@given(st.integers(0, 50), st.floats(-40, 40), st.floats(0.1, 20))
@settings(max_examples=15, deadline=None)
def test_shift_and_scale_of_the_values_change_nothing_but_level_and_height(seed, shift, scale):
    one = rising(seed)
    other = series((one.times - one.times[0]).astype("timedelta64[D]").astype(int), one.values)  # same dates
    moved = Series(
        one.site, one.quantity, one.unit, one.level, one.times, shift + scale * one.values,
        shift + scale * one.lows, shift + scale * one.highs, one.scene_ids, one.methods,
    )  # fmt: skip
    assert len(other) == len(one)
    first, second = found(one), found(moved)
    assert (first.found, first.day, first.low, first.high) == (
        second.found,
        second.day,
        second.low,
        second.high,
    )
    assert second.height == pytest.approx(scale * first.height, rel=1e-6)
    assert second.before == pytest.approx(shift + scale * first.before, rel=1e-6, abs=1e-6)


def test_a_fall_is_a_rise_upside_down():
    one = rising(3)
    down = series(
        (one.times - np.datetime64(FIRST, "s")).astype("timedelta64[D]").astype(int),
        100 - one.values,
        1.645 * 3,
    )
    up, fall = found(one), found(down, direction="fall")
    assert (up.low, up.high) == (fall.low, fall.high)
    assert fall.height == pytest.approx(-up.height)
    assert not found(down).found or found(down).p > up.p


def test_wider_errors_make_the_interval_wider_and_later_dates_play_no_part():
    clear, dull = found(rising(5, sd=2.0)), found(rising(5, sd=9.0))
    assert (dull.high - dull.low) > (clear.high - clear.low)
    one = rising(5)
    late = series(
        [*(one.times - np.datetime64(FIRST, "s")).astype("timedelta64[D]").astype(int), 320],
        [*one.values, 0.0],
        1.645 * 3,
    )
    assert found(late) == found(one)


def test_a_step_is_bracketed_by_the_dates_on_either_side():
    days = np.arange(0, 300, 6)
    rng = np.random.default_rng(2)
    one = series(days, np.where(days >= 222, 60.0, 4.0) + rng.normal(0, 2, len(days)), 3.3)
    step = found(one, shape="step")
    assert FIRST + timedelta(days=216) <= step.low <= step.high <= FIRST + timedelta(days=222)
    assert step.ramp_days == 0
    assert str(step.high) in step.words


def test_words_say_that_there_is_none_and_too_few_dates_are_refused():
    rng = np.random.default_rng(4)
    none = found(series(np.arange(0, 300, 5), 9 + rng.normal(0, 1, 60)))
    assert not none.found
    assert none.day is None
    assert "No rise" in none.words
    with pytest.raises(InputError, match="are needed"):
        found(series([200, 205], [1, 2]))
    with pytest.raises(InputError, match="0 dates in"):
        found(series(np.arange(0, 50, 5), np.arange(10)))


states = st.lists(st.sampled_from("apu"), min_size=1, max_size=25)
ENDS = {"a": (0, 1), "p": (8, 12), "u": (0, 12)}


@given(states)
def test_episodes_begin_and_end_between_dates_that_are_sure(told):
    ends = np.array([ENDS[state] for state in told], dtype=float)
    times = np.array(FIRST, "datetime64[s]") + np.arange(len(told)).astype("timedelta64[D]")
    one = Series(
        "y",
        "q",
        "m",
        0.9,
        times,
        ends.mean(axis=1),
        ends[:, 0],
        ends[:, 1],
        tuple(map(str, range(len(told)))),
        ("m",) * len(told),
    )
    found = episodes_of(one, 5.0)
    runs = [run for run in "".join(told).split("a") if "p" in run]
    assert [episode.n for episode in found] == [run.count("p") for run in runs]
    assert [episode.unsure for episode in found] == [run.count("u") for run in runs]
    for episode in found:
        first = int((episode.first - times[0]) / np.timedelta64(1, "D"))
        last = int((episode.last - times[0]) / np.timedelta64(1, "D"))
        assert told[first] == told[last] == "p"
        assert episode.after is None or (
            episode.after < episode.first
            and told[int((episode.after - times[0]) / np.timedelta64(1, "D"))] == "a"
        )
        assert episode.before is None or episode.before > episode.last
        assert (episode.after is None) == ("a" not in told[:first])
        assert (episode.before is None) == ("a" not in told[last:])


def test_an_episode_in_words_names_its_brackets_and_its_longest_gap():
    one = series([0, 10, 12, 40, 50], [0, 30, 31, 29, 0], 3)
    (only,) = episodes_of(one, 10)
    assert (only.n, only.unsure, only.highest, only.longest_gap_days) == (3, 0, 31, 28)
    for day in ("2023-01-01", "2023-01-11", "2023-02-10", "2023-02-20"):
        assert day in only.words
