"""The rungs of what is known, and sources laid beside each other."""

from dataclasses import replace
from pathlib import Path

import pytest

from evidence.claims import load_claims
from evidence.verdicts.ladder import RUNGS, conflicts, rung
from evidence.verdicts.verdict import Verdict

SEEDS = {claim.id: claim for claim in load_claims([Path(__file__).parents[1] / "seeds" / "claims"])}
COUNT = SEEDS["T01"]


@pytest.mark.parametrize(
    ("claim", "quantity", "expected"),
    [
        (COUNT, "railcars", "measured"),
        (COUNT, "railcar_equivalents", "inferred"),
        (COUNT, None, "not measured"),
        (SEEDS["A19"], "railcars", "inferred"),
        (replace(COUNT, comparison="appears"), "railcars", "seen"),
        (replace(COUNT, testable=False), "railcars", "not testable"),
    ],
)
def test_a_verdict_stands_on_the_rung_of_what_it_rests_on(claim, quantity, expected):
    assert rung(claim, Verdict(claim.id, "supported", "x", quantity)) == expected
    assert expected in RUNGS


def found(*ids):
    return {(c.first.id, c.second.id): c for c in conflicts([SEEDS[id] for id in ids])}


def test_two_outlets_that_measured_one_yard_on_one_day_meet_only_by_tolerance():
    (one,) = found("T07c", "T08d").values()
    assert one.agree
    assert "500 to 560 m" in one.sentence
    assert "395 m" in one.sentence


def test_at_most_twenty_does_not_meet_thirty_seven_two_months_earlier():
    pairs = found("T02", "T20e", "T22d")
    assert not pairs["T02", "T20e"].agree
    assert "do not meet" in pairs["T02", "T20e"].sentence


def test_seventy_three_wagons_meet_a_thousand_metres():
    (one,) = found("T01", "T09c").values()
    assert one.agree
    assert "13.9 to 19.6 m a wagon" in one.sentence


def test_each_pair_is_told_once_and_only_where_units_meet():
    every = list(conflicts(list(SEEDS.values())))
    pairs = [frozenset((one.first.id, one.second.id)) for one in every]
    assert len(pairs) == len(set(pairs)) >= 5
    for one in every:
        assert one.first.site == one.second.site
        assert one.first.period.start <= one.second.period.end
        assert one.second.period.start <= one.first.period.end
