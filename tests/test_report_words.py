"""Values in words: the one place where numbers, dates and texts from outside become text for a reader."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.report.words import anchors, claimed, interval, number, printable


@pytest.fixture(scope="module")
def world(load):
    return load("report_world")


@given(st.text(st.characters(), max_size=40))
def test_printable_hides_nothing(world, text):
    shown = printable(text)
    shown.encode()
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u2069\x00\x1b\r\u2028")
    if text.isascii() and text.replace("\n", "").isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "0"), (0.043, "0.043"), (3.0, "3"), (3.14, "3.1"), (9.94, "9.9"), (9.96, "10"),
     (72.6, "73"), (1016.4, "1,016"), (-2.5, "\N{MINUS SIGN}2.5"),
     (float("inf"), "unbounded"), (float("nan"), "unknown")],
)  # fmt: skip
def test_numbers_in_words(world, value, text):
    assert number(value) == text


def test_claimed_figures_in_words(world):
    assert claimed(world.claim(comparison="at most", low=20.0, high=20.0)) == "at most 20 railcars"
    assert claimed(world.claim(comparison="between", low=5.0, high=6.5, unit="m")) == "between 5 and 6.5 m"
    assert claimed(world.claim(comparison="appears", low=None, high=None)) == "appears"
    assert claimed(world.claim(low=1234567.0, high=1234567.0, unit="t")) == "about 1,234,567 t"
    assert interval(2.0, 1200.0) == "2 to 1,200"


@given(st.lists(st.text(max_size=5), max_size=8))
def test_anchors_are_unique_and_plain(world, names):
    made = anchors("site", names)
    assert len(set(made)) == len(names)
    assert all(re.fullmatch(r"site[A-Za-z0-9-]*", anchor) for anchor in made)
