"""The words of ICD 203, and the probability that stands beside them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.verdicts.cases import Case
from evidence.verdicts.likelihood import WORDS, in_words, probability
from evidence.verdicts.verdict import judge


@pytest.fixture(scope="module")
def make(load):
    return load("test_verdicts")


# Intelligence Community Directive 203, D.6.e(2)(a): each range by both its ends, and its word.
RANGES = {
    "almost no chance": (0.01, 0.05),
    "very unlikely": (0.05, 0.20),
    "unlikely": (0.20, 0.45),
    "roughly even chance": (0.45, 0.55),
    "likely": (0.55, 0.80),
    "very likely": (0.80, 0.95),
    "almost certain": (0.95, 0.99),
}


@given(st.floats(0, 1))
def test_every_probability_has_the_word_of_its_range(value):
    low, high = RANGES[in_words(value)]
    assert low <= min(max(value, 0.01), 0.99) <= high


@given(st.floats(0, 1), st.floats(0, 1))
def test_words_rise_with_the_probability_and_mirror_about_a_half(one, other):
    order = [word for _, word in WORDS]
    low, high = sorted((one, other))
    assert order.index(in_words(low)) <= order.index(in_words(high))
    half = min(one, 1 - one)  # exact, so that 1 - half is its mirror
    assert order.index(in_words(half)) + order.index(in_words(1 - half)) == len(order) - 1


VALUES = st.lists(st.tuples(st.floats(0, 200), st.floats(0.1, 60)), min_size=1, max_size=6)


@given(VALUES, st.floats(1, 200), st.sampled_from(["at least", "at most", "about", "appears", "disappears"]))
def test_a_verdict_and_its_probability_do_not_contradict_each_other(make, rows, figure, comparison):
    days = [(f"2023-10-0{i + 1}", v, max(v - half, 0.0), v + half) for i, (v, half) in enumerate(rows)]
    figured = {"low": None if comparison.endswith("appears") else figure}
    one = judge(make.claim(comparison, period="2023-10-01/2023-10-07", **figured), [make.series(days)])
    if one.probability is None:
        assert len(rows) == 1
        assert one.likelihood == ""
        return
    assert 0 <= one.probability <= 1
    assert one.likelihood == in_words(one.probability)
    if one.verdict == "supported" and comparison != "about":  # about: the figure is not ruled out
        assert one.probability > 0.9
    if one.verdict == "contradicted":
        assert one.probability < 0.1


def test_the_probability_is_that_of_a_normal_error(make):
    rng = np.random.default_rng(3)
    sure = make.series([("2023-10-05", 70.0)], half=1.6449 * 4)  # 90 %: a standard deviation of 4
    truth = rng.normal(70, 4, 200_000)
    for comparison, expected in (
        ("at least", (truth >= 73 * 0.9).mean()), ("at most", (truth <= 73 * 1.1).mean()),
        ("about", ((truth >= 73 * 0.9) & (truth <= 73 * 1.1)).mean()),
    ):  # fmt: skip
        assert probability(Case(make.claim(comparison), sure, 5)) == pytest.approx(expected, abs=0.005)


def test_two_sides_of_an_interval_are_two_errors(make):
    one = make.series([("2023-10-05", 70.0, 69.0, 200.0)])
    assert probability(Case(make.claim("at least", 100.0), one, 5)) > 0.3
    mirrored = replace(one, lows=np.array([0.0]), highs=np.array([71.0]))
    assert probability(Case(make.claim("at least", 100.0), mirrored, 5)) < 0.001


def test_what_a_p_value_answers_has_no_probability(make):
    dates = make.series([("2023-10-01", 5), ("2023-10-05", 50)])
    for comparison in ("rises", "falls", "ratio"):
        low = 3.0 if comparison == "ratio" else None
        verdict = judge(make.claim(comparison, low, period="2023-10-01/2023-10-07"), [dates])
        assert (verdict.probability, verdict.likelihood) == (None, "")
