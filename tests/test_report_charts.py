"""Charts as data: every date, claim and skip is in them, and no text from outside is more than text."""

import json
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.report.calendar import KEPT_BACK, MEASURED, calendars
from evidence.report.cards import claim_anchors
from evidence.report.certainty import placebos, powers, sensitivities
from evidence.report.charts import SAID, SKIPPED, text
from evidence.report.headlines import headline
from evidence.report.timelines import timelines
from evidence.verdicts.verdict import Verdict
from imagery.period import Period


@pytest.fixture(scope="module")
def world(load):
    return load("report_world")


def drawn(page, at=()):
    return timelines(page, dict(at), claim_anchors(page))


def trace(figure, name):
    found = [one for one in figure["data"] if one["name"] == name]
    assert len(found) <= 1
    return found[0] if found else None


def test_every_date_stands_in_the_chart_with_its_interval_and_its_way_to_the_pixels(world):
    outcomes = [world.measured(f"s{i}", days=5 * i, value=5.0 + i) for i in range(200)]
    (one,) = drawn(world.page(outcomes), {("yard", "s7"): "#picture-yard-s7"})
    points = trace(one.figure, "read by edges")
    assert points["y"] == [5.0 + i for i in range(200)]
    assert points["error_y"]["array"] == points["error_y"]["arrayminus"] == [3.0] * 200
    assert points["text"][7] == "2021-02-07: 12 railcars (9 to 15)<br>s7"
    assert points["customdata"][6:8] == [f"#{one.anchor}-6", "#picture-yard-s7"]
    assert [row[0] for row in one.rows] == [f"{one.anchor}-{i}" for i in range(200)]
    near = one.figure["views"]["Target period"]
    assert near == ["2023-07-21T00:00:00", "2023-12-01T00:00:00"]


def test_claims_stand_at_their_figure_or_where_they_have_none_below_the_axis(world):
    claims = [
        world.claim("T01"), world.claim("FAR", unit="containers"), world.claim("OTHER", site="port"),
        world.claim("UP", comparison="rises", low=None, high=None),
    ]  # fmt: skip
    (one,) = drawn(world.page(claims=claims))
    at = trace(one.figure, "claimed")
    assert (at["y"], at["customdata"]) == ([73.0], ["#claim-T01"])
    below = trace(one.figure, "claimed, no figure here")
    assert (below["y"], below["yaxis"]) == ([SAID, SAID], "y2")
    assert [said.split()[0] for said in below["text"]] == ["FAR", "UP"]
    days = [(s["x0"], s["x1"], s["y0"]) for s in one.figure["layout"]["shapes"] if s.get("yref") == "y"]
    assert days == [("2023-10-05T00:00:00", "2023-10-06T00:00:00", 73.0)]


def test_what_could_not_be_measured_stands_below_the_axis_with_its_reason(world):
    (one,) = drawn(world.page())
    skipped = trace(one.figure, "not measured")
    assert skipped["y"] == [SKIPPED] * 5
    assert skipped["text"][1] == "2021-02-13 not measured: clouded, c1"
    assert "5 scenes not measured" in one.described


def test_the_usual_range_is_drawn_where_there_is_one(world):
    (one,) = drawn(world.page())
    named = {s.get("name"): s for s in one.figure["layout"]["shapes"]}
    assert named["usual range"]["y0"] == pytest.approx(6.15)
    assert named["highest of the baseline"]["y0"] == 28.0
    (bare,) = drawn(world.page(baselines={}))
    assert not {"usual range", "target period"} & {s.get("name") for s in bare.figure["layout"]["shapes"]}
    assert list(bare.figure["views"]) == ["All dates"]


def test_simulated_is_written_in_charts_of_simulated_scenes_only(world):
    real = [world.measured(f"r{i}", "port", days=30 * i) for i in range(3)]
    painted = [world.measured(f"p{i}", "yard", days=30 * i, simulated=True) for i in range(3)]
    page = world.page(real + painted, baselines={})
    charts = {one.chart.series.site: one.figure for one in drawn(page)}
    for site, figure in (charts | {k: v.figure for k, v in calendars(page.outcomes, {}).items()}).items():
        assert ("SIMULATED" in str(figure["layout"]["annotations"])) is (site == "yard")
    assert "SIMULATED" not in str(charts["port"])


def test_colours_are_the_pages_own(world):
    page = world.page()
    figures = [drawn(page)[0].figure, calendars(page.outcomes, {})["yard"].figure, placebos(page).figure]
    known = {
        f"var(--{n})" for n in "ink muted rule accent second third usual claim stamp contradicted".split()
    }

    def colours(value, key=""):
        if isinstance(value, dict):
            return {c for k, v in value.items() for c in colours(v, k)}
        if isinstance(value, list):
            return {c for one in value for c in colours(one)}
        return {value} if "color" in key else set()

    for figure in figures:
        assert {"var(--muted)", "var(--accent)"} <= colours(figure) <= known


@given(st.text(st.characters(), max_size=30))
def test_text_for_plotly_is_no_markup(said):
    assert not set(text(said)) & set("<>")
    text(said).encode()


READINGS = st.tuples(st.datetimes(), st.floats(0, 1e9), st.sampled_from([0.0, 2.0, float("inf")]))


@settings(max_examples=25)
@given(st.lists(READINGS, min_size=1, max_size=4))
def test_any_series_can_be_drawn(world, rows):
    outcomes = [
        replace(world.measured(f"s{i}", value=value, reach=reach), taken_at=when.replace(tzinfo=UTC))
        for i, (when, value, reach) in enumerate(rows)
    ]
    page = world.page(outcomes, claims=[])
    for one in drawn(page):
        json.dumps(one.figure, allow_nan=False)
        low, high = one.figure["layout"]["yaxis"]["range"]
        assert low < high
        first, last = one.figure["views"]["All dates"]
        assert first < last
        assert len(first) == len(last) == 19
    json.dumps(calendars(outcomes, {})["yard"].figure, allow_nan=False)


def test_the_calendar_holds_every_dated_scene_and_says_what_could_not_be_seen(world):
    outcomes = [world.measured("s0", days=0), world.measured("s1", days=40), world.measured("u", dated=False)]
    late = world.measured("g", days=41)
    gated = replace(late, measurements=(replace(late.measurements[0], gate="clouded: 0.4"),))
    outcomes += [gated, world.skipped("c0", "clouded", days=2), world.skipped("n0", "snow", days=400)]
    one = calendars(outcomes, {("yard", "s1"): "#here"})["yard"]
    assert {t["name"]: len(t["x"]) for t in one.figure["data"]} == {
        MEASURED: 2, KEPT_BACK: 1, "not measured: clouded": 1, "not measured: snow": 1,
    }  # fmt: skip
    seen = trace(one.figure, MEASURED)
    assert (seen["x"], seen["y"]) == (["2000-01-03", "2000-02-12"], [2021, 2021])
    assert seen["customdata"] == ["#skips", "#here"]
    assert "5 scenes from 2021-01-03 to 2022-02-07: 3 measured, 2 looked at and not measured" in one.words
    assert [(year, cells[:3]) for year, cells in one.rows] == [
        ("2021", ("1 of 2", "2 of 2", "no image")), ("2022", ("no image", "0 of 1", "no image")),
    ]  # fmt: skip


def test_placebos_and_power_are_those_of_the_statistics(world):
    page = world.page()
    shown, (standing,) = placebos(page), page.standings
    assert len(trace(shown.figure, "earlier period")["x"]) == standing.periods.n > 5
    assert trace(shown.figure, "target period")["x"] == [standing.change.p_rank]
    assert shown.rows[0][2:4] == (str(standing.periods.n), str(standing.periods.alarms))
    assert f"Of {standing.periods.n} earlier periods" in shown.alarms
    assert f"{standing.power.smallest:.0f} railcars" in powers(page)[0][1].replace(",", "")
    assert placebos(replace(page, standings=())) is None


def test_another_answer_changes_a_verdict_only_where_something_was_measured(world):
    page = world.page(claims=[world.claim("A"), world.claim("B"), world.claim("C")])
    same, other, blind = page.alternatives
    found = [replace(same, verdict="supported"), other, replace(blind, value=None)]
    shown = {
        one.claim_id: one for one in sensitivities(replace(page, alternatives=found), claim_anchors(page))
    }
    assert next(iter(shown)) == "B", "those that change come first"
    assert {name: one.holds for name, one in shown.items()} == {"A": True, "B": False, "C": True}
    assert [one.answers[0].told for one in shown.values()] == [True, True, False]
    assert shown["B"].answers[0].figure == "7 railcars (4 to 9)"


@pytest.mark.parametrize(
    ("verdict", "probability", "said"),
    [
        (
            "supported",
            0.9,
            "The imagery agrees: 71 railcars (58 to 85) where about 73 railcars were reported",
        ),
        ("supported", 0.4, "The imagery agrees, within a wide error: 71 railcars"),
        ("contradicted", 0.1, "The imagery disagrees: 71 railcars (58 to 85)"),
        ("undecided", 0.4, "The imagery leaves it open: 71 railcars (58 to 85)"),
    ],
)
def test_a_headline_says_the_answer(world, verdict, probability, said):
    found = Verdict("T01", verdict, "r", "railcars", 71.0, 58.0, 85.0, probability=probability)
    assert headline(world.claim(), found, "railcars", simulated=False).startswith(said)
    assert "SIMULATED imagery" in headline(world.claim(), found, "railcars", simulated=True)


def test_a_headline_never_answers_without_a_measurement(world):
    unseen = Verdict("T01", "undecided", "r", "railcars")
    assert headline(world.claim(), unseen, "", False) == "Not seen: no usable image of those days"
    beyond = Verdict("T01", "out of reach", "r")
    assert headline(world.claim(testable=False), beyond, "", False) == "Imagery cannot tell"
    assert headline(world.claim(), beyond, "", False) == "Not measured in these images"
    rise = world.claim(comparison="rises", low=None, high=None, period=Period.parse("2023-10"))
    found = Verdict("T01", "supported", "r", "railcar_equivalents", 40.0, 30.0, 55.0)
    said = headline(rise, found, "railcars", False)
    assert said == "The imagery agrees: track filled as by 40 railcars (30 to 55) where a rise was reported"
