"""A run's target period in numbers: every series, its placebos, and all of them taken together."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from evidence.claims import Claim
from evidence.verdicts.statistics import in_eras, statistics_of, write_statistics
from evidence.verdicts.verdict import judge
from imagery.period import Period
from imagery.scenes import Asset, Scene
from models.stats.series import Series

TARGET = Period.parse("2023-09-13/2023-10-31")


def series(site="yard", surge=0.0, quantity="railcars", method="m", seed=0, start="2018-10-01"):
    rng = np.random.default_rng(seed)
    times = np.arange(np.datetime64(start), np.datetime64("2023-11-01"), 9).astype("datetime64[s]")
    inside = (times >= np.datetime64(TARGET.start)) & (times < np.datetime64(TARGET.end))
    values = rng.gamma(1.5, 3.0, len(times)) + surge * inside
    ids = tuple(f"{site}-{quantity}-{i}" for i in range(len(times)))
    return Series(
        site, quantity, "railcars", 0.9, times, values, values - 3, values + 3, ids, (method,) * len(ids)
    )


def test_a_surge_stands_out_and_its_placebos_stand_beside_it(tmp_path: Path):
    found = statistics_of([series(surge=60.0), series("other", seed=1)], TARGET)
    surge, quiet = sorted(found.standings, key=lambda one: one.site, reverse=True)
    assert (surge.site, quiet.site) == ("yard", "other")
    assert surge.change.p_rank < 0.02 < quiet.change.p_rank
    assert surge.onset.found
    assert surge.onset.low <= TARGET.start <= surge.onset.high
    assert len(surge.episodes) == 1
    assert surge.power.smallest < 60
    assert (surge.sites.n, surge.sites.alarms, quiet.sites.alarms) == (1, 0, 1)
    assert surge.periods.n > 20
    assert surge.periods.alarms / surge.periods.n < 0.3
    assert 10 <= found.family.tests <= 14
    assert found.family.survive >= 5
    words = " ".join(found.words["yard", "railcars"])
    for told in ("m: Rank p-value", "Student t", "The rise began", "would have shown", "earlier periods"):
        assert told in words
    write_statistics(found, tmp_path)
    plain = json.loads((tmp_path / "statistics.json").read_text())
    assert plain["family"]["tests"] == found.family.tests
    assert plain["standings"][0]["change"]["p_rank"] == found.standings[0].change.p_rank
    assert plain["standings"][0]["periods"]["n"] > 20


def test_methods_and_orbits_are_never_mixed_and_no_target_means_nothing_to_say():
    fine = series(method="edges", seed=2)
    both = replace(fine, methods=tuple("edges" if i % 2 else "profile" for i in range(len(fine))))
    found = statistics_of([both], TARGET)
    assert [one.method for one in found.standings] == ["edges", "profile"]
    assert all(one.sites.n == 0 for one in found.standings)
    radar = replace(fine, orbits=tuple("54" if i % 2 else "127" for i in range(len(fine))))
    assert [one.orbit for one in statistics_of([radar], TARGET).standings] == ["127", "54"]
    none = statistics_of([fine], None)
    assert (none.standings, none.family.tests, dict(none.words)) == ((), 0, {})
    assert not statistics_of([fine], Period.parse("2030")).standings


def scene(id, sensor, **properties):
    return Scene(
        id, (Asset(Path("a.tif"), ("B02",)),), sensor, datetime(2020, 1, 1, tzinfo=UTC), properties=properties
    )


def test_series_learn_processing_and_orbit_from_their_scenes():
    one = series(start="2023-10-01")
    ids = one.scene_ids
    scenes = [
        scene(ids[0], "sentinel-2-l2a", **{"s2:processing_baseline": "02.14"}),
        scene(ids[1], "sentinel-1-grd", **{"sat:relative_orbit": 54}),
        scene(ids[2], "skysat"),
    ]
    (marked,) = in_eras([one], scenes)
    assert marked.eras == ("Sentinel-2 before 04.00", "", "", "")
    assert marked.orbits == ("", "54", "", "")


def test_undecided_verdicts_say_what_could_have_been_shown_and_placebos_are_counted():
    claim = Claim(
        "T01", "yard", "railcars", "railcars", "rises", None, None, Period.parse("2023-10-01/2023-10-31"),
        "It rose.", "any", "someone", "somewhere", True, "",
    )  # fmt: skip
    calm = judge(claim, [series(seed=3)], placebo=True)
    assert calm.verdict == "undecided"
    assert f"a rise of {calm.smallest_change:,.0f} railcars or more" in calm.reason
    assert calm.placebo_periods > 40
    assert calm.placebo_supported / calm.placebo_periods < 0.1
    assert 0 < calm.p_model <= 1
    assert "Student t" in calm.model
    lone = judge(claim, [series(start="2023-10-01")], placebo=True)
    assert "without an earlier date" in lone.reason
    most = judge(replace(claim, comparison="at most", low=90.0, high=90.0), [series()], placebo=True)
    assert most.placebo_periods is None


def test_a_change_of_processing_is_told_and_is_no_rise():
    one = series(seed=4, start="2021-01-01")
    late = one.times >= np.datetime64("2022-01-25")
    eras = tuple("Sentinel-2 04.00" if new else "Sentinel-2 before 04.00" for new in late)
    moved = replace(
        one, values=one.values + 40 * late, lows=one.lows + 40 * late, highs=one.highs + 40 * late, eras=eras
    )
    january = Period.parse("2022-01-01/2022-02-20")
    claim = Claim(
        "T01", "yard", "railcars", "railcars", "rises", None, None, january,
        "It rose.", "any", "someone", "somewhere", True, "",
    )  # fmt: skip
    verdict = judge(claim, [moved])
    assert verdict.verdict == "undecided"
    assert "processing" in verdict.reason
    assert judge(claim, [replace(moved, eras=())]).verdict == "supported"  # as if nobody knew
    later = replace(claim, period=Period.parse("2022-06-01/2022-06-30"))
    told = judge(later, [moved])
    assert "were moved by +4" in told.reason
    assert told.p_rank > 0.05
    appears = judge(replace(claim, comparison="appears"), [moved])
    assert appears.verdict != "supported"


@pytest.mark.parametrize("scenes", [[], [scene("elsewhere", "sentinel-2-l2a")]])
def test_a_series_whose_scenes_are_unknown_has_no_era(scenes):
    (marked,) = in_eras([series()], scenes)
    assert set(marked.eras) == {""}
