"""Claims held against series: four outcomes, each for a stated reason, none from missing data."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.claims import Claim
from evidence.verdicts.cases import Case, widened
from evidence.verdicts.comparisons import RULES
from evidence.verdicts.verdict import judge
from imagery.period import Period
from models.stats.series import Series

DAY = "2023-10-05"


def claim(comparison="about", low=73.0, high=None, period=DAY, quantity="railcars", unit="railcars", **more):
    return Claim(
        id="T01",
        site="yard",
        quantity=quantity,
        unit=unit,
        comparison=comparison,
        low=low,
        high=low if high is None else high,
        period=Period.parse(period),
        text="So many cars stood there.",
        imagery="commercial",
        source="someone",
        locator="somewhere",
        **{"testable": True, "reason": "", **more},
    )


def series(rows, half=5.0, quantity="railcars", unit="railcars", site="yard", method="edges"):
    """Rows of day and value, or of day, value, low and high."""
    full = sorted((date.fromisoformat(str(row[0])), *row[1:]) for row in rows)
    values = np.array([row[1] for row in full], dtype=float)
    lows = np.array([row[2] if len(row) > 2 else row[1] - half for row in full], dtype=float)
    highs = np.array([row[3] if len(row) > 2 else row[1] + half for row in full], dtype=float)
    ids = tuple(f"{quantity}-{row[0]}-{i}" for i, row in enumerate(full))
    times = np.array([row[0] for row in full], dtype="datetime64[s]")
    return Series(site, quantity, unit, 0.9, times, values, lows, highs, ids, (method,) * len(ids))


def every(days, start, values):
    first = date.fromisoformat(start)
    return [(first + timedelta(days=days * i), value) for i, value in enumerate(values)]


def test_what_no_imagery_could_test_is_out_of_reach_with_the_claims_own_reason():
    verdict = judge(
        claim(testable=False, reason="contents under tarps cannot be seen"), [series([(DAY, 73)])]
    )
    assert verdict.verdict == "out of reach"
    assert "under tarps" in verdict.reason
    assert verdict.scene_ids == ()


def test_a_quantity_that_the_run_does_not_measure_is_out_of_reach_and_says_what_there_is():
    run = [series([(DAY, 1000)], quantity="occupied_track_m", unit="m")]
    verdict = judge(claim(quantity="blue_tarped_railcars"), run)
    assert verdict.verdict == "out of reach"
    assert "occupied_track_m" in verdict.reason
    assert judge(claim(), []).verdict == "out of reach"


def test_another_site_measured_but_not_this_one_is_undecided():
    verdict = judge(claim(), [series([(DAY, 73)], site="elsewhere")])
    assert (verdict.verdict, verdict.value) == ("undecided", None)
    assert "yard" in verdict.reason


def test_no_date_in_the_period_names_its_neighbours():
    verdict = judge(claim(), [series([("2023-09-01", 8), ("2023-09-24", 36), ("2023-10-20", 50)])])
    assert verdict.verdict == "undecided"
    assert "2023-09-24" in verdict.reason
    assert "2023-10-20" in verdict.reason
    assert "2023-09-01" not in verdict.reason
    assert verdict.scene_ids == ()
    assert "none after" in judge(claim(), [series([("2023-09-24", 36)])]).reason


@pytest.mark.parametrize(
    ("value", "half", "expected"),
    [
        (71, 8, "supported"),
        (79, 2, "supported"),  # within the tolerance of published counts
        (30, 8, "contradicted"),
        (120, 10, "contradicted"),
        (70, 40, "undecided"),  # agrees, and would have agreed with nearly anything
        (60, 8, "undecided"),  # overlaps the tolerance, not the figure
    ],
)
def test_about_a_figure(value, half, expected):
    verdict = judge(claim(), [series([(DAY, value)], half)])
    assert verdict.verdict == expected
    assert f"{value} railcars" in verdict.reason
    assert DAY in verdict.reason
    assert (verdict.value, verdict.low, verdict.high) == (value, value - half, value + half)
    assert verdict.scene_ids == (f"railcars-{DAY}-0",)


def test_lengths_are_read_with_the_wider_tolerance_of_lengths():
    metres = [series([(DAY, 500)], 40, "occupied_track_m", "m")]
    assert judge(claim(low=395.0, quantity="occupied_track_m", unit="m"), metres).verdict == "undecided"
    assert judge(claim(low=420.0, quantity="occupied_track_m", unit="m"), metres).verdict == "supported"
    between = claim("between", 500.0, 560.0, quantity="occupied_track_m", unit="m")
    assert judge(between, metres).verdict == "supported"
    assert judge(between, [series([(DAY, 100)], 40, "occupied_track_m", "m")]).verdict == "contradicted"


def test_an_empty_yard_is_a_claim_like_any_other():
    empty = claim("at most", 0.0)
    assert judge(empty, [series([(DAY, 0, 0, 1)])]).verdict == "supported"
    assert judge(empty, [series([(DAY, 2, 0, 9)])]).verdict == "undecided"
    assert judge(empty, [series([(DAY, 30, 25, 35)])]).verdict == "contradicted"
    assert judge(claim("about", 0.0), [series([(DAY, 0, 0, 0.5)])]).verdict == "supported"


def test_a_month_with_few_dates_cannot_contradict():
    august = claim(low=37.0, period="2023-08")
    seen = [("2023-08-03", 5), ("2023-08-20", 8)]
    verdict = judge(august, [series(seen)])
    assert verdict.verdict == "undecided"
    assert "19% of the days" in verdict.reason
    daily = every(2, "2023-08-01", [5, 8] * 8)
    assert judge(august, [series(daily)]).verdict == "contradicted"
    assert judge(august, [series([*daily, ("2023-08-20", 38)])]).verdict == "supported"


def test_at_least_needs_one_sure_date():
    sure = judge(claim("at least", 70.0), [series([(DAY, 80)])])
    assert (sure.verdict, sure.scene_ids) == ("supported", (f"railcars-{DAY}-0",))
    assert judge(claim("at least", 70.0), [series([(DAY, 62)])]).verdict == "undecided"
    assert judge(claim("at least", 70.0), [series([(DAY, 40)])]).verdict == "contradicted"
    year = claim("at least", 70.0, period="2023")
    assert judge(year, [series([(DAY, 40)])]).verdict == "undecided"


FIVE_YEARS = "2018-10-05/2023-10-04"


def test_at_most_in_five_years_falls_to_one_clearly_higher_date():
    quiet = every(15, "2018-10-10", [8, 12, 5] * 40)
    most = claim("at most", 20.0, period=FIVE_YEARS)
    verdict = judge(most, [series([*quiet, ("2023-08-20", 37)], 6)])
    assert verdict.verdict == "contradicted"
    assert (verdict.value, verdict.scene_ids) == (37, ("railcars-2023-08-20-119",))
    assert "% of the days" in verdict.reason
    # The same date between so many with wider intervals is no surprise.
    assert judge(most, [series([*quiet, ("2023-08-20", 37)], 12)]).verdict == "undecided"


def test_at_most_is_never_supported_by_gaps():
    most = claim("at most", 20.0, period=FIVE_YEARS)
    quiet = judge(most, [series(every(15, "2018-10-10", [8, 12, 5] * 40), 1)])
    assert quiet.verdict == "undecided"
    assert "20% of the days" in quiet.reason
    watched = judge(most, [series(every(3, "2018-10-05", [8, 12, 5] * 203), 1)])
    assert watched.verdict == "supported"


def test_rises_compares_late_with_early_dates_and_falls_is_its_mirror():
    up = every(3, "2023-09-18", [2, 5, 16, 35, 54, 60])
    claimed = claim("rises", None, period="2023-09-18/2023-10-05")
    verdict = judge(claimed, [series(up)])
    assert verdict.verdict == "supported"
    assert "+5" in verdict.reason
    assert "2023-09-18" in verdict.reason
    assert judge(replace(claimed, comparison="falls"), [series(up)]).verdict == "contradicted"
    flat = every(3, "2023-09-18", [5, 6, 5, 7, 6, 5])
    assert judge(claimed, [series(flat)]).verdict == "undecided"
    # Several pictures of one day stay on one side.
    same = [("2023-09-20", 4)] * 5 + [("2023-09-28", 40)]
    usual = every(30, "2019-01-01", [5, 12, 8] * 18)
    assert judge(claimed, [series([*usual, *same])]).verdict == "supported"
    # Without earlier dates, two days that differ may be usual coming and going.
    assert judge(claimed, [series(same)]).verdict == "undecided"
    busy = every(30, "2019-01-01", [5, 12, 48] * 18)
    assert judge(claimed, [series([*busy, *same])]).verdict == "undecided"


def test_a_rise_claimed_for_one_day_is_held_against_the_years_before():
    usual = every(30, "2019-01-01", [5, 12, 8] * 18)
    claimed = claim("rises", None)
    verdict = judge(claimed, [series([*usual, (DAY, 73)])])
    assert verdict.verdict == "supported"
    assert verdict.p_rank == pytest.approx(1 / 55)
    assert "54 dates" in verdict.reason
    assert judge(claimed, [series([*usual, (DAY, 9)])]).verdict == "undecided"
    assert judge(claimed, [series([*usual[:5], (DAY, 73)])]).verdict == "undecided"
    assert (
        judge(replace(claimed, comparison="falls"), [series([*usual, (DAY, 73)])]).verdict == "contradicted"
    )


def test_appears_and_disappears_look_at_the_dates_on_either_side():
    week = "2023-10-20/2023-10-26"
    rows = [("2023-10-15", 2), ("2023-10-20", 30), ("2023-10-24", 28), ("2023-10-30", 3)]
    appears, gone = claim("appears", None, period=week), claim("disappears", None, period=week)
    verdict = judge(appears, [series(rows)])
    assert verdict.verdict == "supported"
    assert verdict.scene_ids == ("railcars-2023-10-15-0", "railcars-2023-10-20-1")
    assert judge(gone, [series(rows)]).verdict == "supported"
    assert judge(gone, [series(rows[:3])]).verdict == "undecided"
    assert judge(appears, [series(rows[1:2])]).verdict == "undecided"
    still = every(1, "2023-10-19", [5] * 9)
    assert judge(appears, [series(still, 0.1)]).verdict == "contradicted"


def test_a_ratio_needs_a_baseline():
    usual = every(30, "2019-01-01", [5, 12, 20] * 18)
    claimed = claim("ratio", 3.65, unit="ratio")
    assert judge(claimed, [series([*usual, (DAY, 73)], 2)]).verdict == "supported"
    assert judge(claimed, [series([*usual, (DAY, 25)], 2)]).verdict == "contradicted"
    assert judge(claimed, [series([(DAY, 73)])]).verdict == "undecided"


def test_railcars_fall_back_on_equivalents_and_say_so():
    coarse = series([(DAY, 70, 45, 95)], quantity="railcar_equivalents", method="profile")
    verdict = judge(claim(), [coarse])
    assert (verdict.verdict, verdict.quantity) == ("supported", "railcar_equivalents")
    assert "railcar_equivalents" in verdict.reason
    fine = series([(DAY, 30)])
    assert judge(claim(), [coarse, fine]).verdict == "contradicted"
    assert judge(claim(), [coarse, fine]).quantity == "railcars"
    # A count of single railcars from 10 m pixels is no count.
    blurred = {fine.scene_ids[0]: 10.0, coarse.scene_ids[0]: 10.0}
    assert (
        judge(claim(quantity="tarped_railcars"), [series([(DAY, 9)], quantity="tarped_railcars")]).verdict
        != "out of reach"
    )
    assert judge(claim(), [coarse, fine], gsd_by_scene=blurred).quantity == "railcar_equivalents"


def test_two_methods_are_not_one_yardstick():
    early = series([("2023-09-18", 100), ("2023-09-19", 100)], 10, "occupied_track_m", "m", method="edges")
    late = series([("2023-10-04", 300), ("2023-10-05", 300)], 10, "occupied_track_m", "m", method="profile")
    both = Series(
        "yard", "occupied_track_m", "m", 0.9,
        np.concatenate([early.times, late.times]), np.concatenate([early.values, late.values]),
        np.concatenate([early.lows, late.lows]), np.concatenate([early.highs, late.highs]),
        early.scene_ids + late.scene_ids, early.methods + late.methods,
    )  # fmt: skip
    claimed = claim("rises", None, period="2023-09-18/2023-10-05", quantity="occupied_track_m", unit="m")
    assert judge(claimed, [both]).verdict == "undecided"


measured = st.lists(
    st.tuples(st.dates(date(2019, 1, 1), date(2024, 6, 1)), st.integers(0, 150), st.integers(0, 60)),
    max_size=12,
).map(lambda rows: [(day, value, max(value - half, 0), value + half) for day, value, half in rows])
claims = st.builds(
    lambda comparison, low, extra, start, days: claim(
        comparison,
        None if comparison in ("appears", "disappears", "rises", "falls") else float(low),
        float(low + extra) if comparison == "between" else None,
        f"{start}/{start + timedelta(days=days)}",
    ),
    st.sampled_from(sorted(RULES)),
    st.integers(0, 120),
    st.integers(1, 50),
    st.dates(date(2020, 1, 1), date(2024, 1, 1)),
    st.integers(0, 900),
)


@given(claims, measured)
def test_every_claim_gets_one_verdict_that_its_scenes_can_answer_for(one, rows):
    held = series(rows)
    verdict = judge(one, [held])
    assert verdict.claim_id == one.id
    assert verdict.reason.endswith(".")
    assert "\n" not in verdict.reason
    assert set(verdict.scene_ids) <= set(held.scene_ids)
    if not held.within(one.period).any():
        assert verdict.verdict in ("undecided", "out of reach")
    if verdict.verdict in ("supported", "contradicted"):
        assert verdict.scene_ids
    if verdict.value is not None:
        assert verdict.low <= verdict.value <= verdict.high
        assert np.isfinite([verdict.low, verdict.high]).all()
    assert verdict.p_rank is None or 0 < verdict.p_rank <= 1


@given(st.integers(0, 150), st.integers(0, 30))
def test_a_figure_far_away_is_contradicted(value, half):
    rows = [(DAY, value, max(value - half, 0), value + half)]
    far = claim(low=float(2 * (value + half) + 20))
    assert judge(far, [series(rows)]).verdict == "contradicted"
    assert judge(replace(far, comparison="at least"), [series(rows)]).verdict == "contradicted"
    assert judge(replace(far, comparison="at most"), [series(rows)]).verdict == "supported"


@given(measured, st.dates(date(2020, 1, 1), date(2024, 1, 1)), st.integers(3, 900))
def test_rises_and_falls_never_agree(rows, start, days):
    period = f"{start}/{start + timedelta(days=days)}"
    held = [series(rows)]
    up, down = (judge(claim(verb, None, period=period), held).verdict for verb in ("rises", "falls"))
    inside = held[0].take(held[0].within(Period.parse(period))).times.astype("datetime64[D]")
    if len(set(inside.tolist())) > 1:
        # What surely rose did not fall; whether it is more than usual coming and going is a further question.
        assert {up, down} in ({"undecided"}, {"supported", "contradicted"}, {"undecided", "contradicted"})
    else:
        assert not up == down == "supported"


@given(st.integers(1, 400), st.floats(1, 30))
def test_widened_intervals_hold_together(n, half):
    held = series(every(1, "2020-01-01", [50.0] * n), half)
    below, above = widened(held)
    assert above[0] - 50 == pytest.approx(50 - below[0])
    assert above[0] - 50 == pytest.approx(half) if n == 1 else above[0] - 50 > half
    assert Case(claim(period="2020-01-01"), held, 5).seen_share == 1


def test_many_dates_do_not_contradict_by_chance():
    """Truth is 20 throughout; a plain 90 % interval would contradict "at most 20" in nearly every run."""
    rng = np.random.default_rng(5)
    most = claim("at most", 20.0, period=FIVE_YEARS)
    outcomes = [
        judge(most, [series(every(15, "2018-10-10", rng.normal(20, 6, 120)), 1.645 * 6)]).verdict
        for _ in range(60)
    ]
    assert outcomes.count("contradicted") <= 9
    assert outcomes.count("supported") == 0
