"""Periods: half-open spans of UTC days."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.errors import InputError
from imagery.period import Period

days = st.dates(date(1950, 1, 1), date(2100, 1, 1))


@given(days, st.integers(0, 4000))
def test_written_ends_lie_inside_and_come_back(first, length):
    last = first + timedelta(days=length)
    period = Period.parse(f"{first}/{last}")
    assert period.contains(first)
    assert period.contains(last)
    assert not period.contains(first - timedelta(days=1))
    assert not period.contains(last + timedelta(days=1))
    assert period.days == length + 1
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2023-10-05", date(2023, 10, 5), date(2023, 10, 6)),
        ("2023-12", date(2023, 12, 1), date(2024, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("2023", date(2023, 1, 1), date(2024, 1, 1)),
        ("2018/2023-09", date(2018, 1, 1), date(2023, 10, 1)),
        (" 2023-08 / 2023-10 ", date(2023, 8, 1), date(2023, 11, 1)),
    ],
)
def test_months_and_years_lie_wholly_inside(text, start, end):
    assert Period.parse(text) == Period(start, end)


@pytest.mark.parametrize(
    "text", ["", "soon", "2023-13", "2023-02-30", "2023-10-05/2023-10-01", "1-2-3-4", "99999"]
)
def test_what_is_no_period_is_refused_with_its_text(text):
    with pytest.raises(InputError, match=r"write YYYY|is empty"):
        Period.parse(text)


def test_a_moment_counts_by_its_utc_day():
    period = Period.parse("2023-10-05")
    korea = timezone(timedelta(hours=9))
    assert period.contains(datetime(2023, 10, 6, 8, 59, tzinfo=korea))
    assert not period.contains(datetime(2023, 10, 5, 8, 59, tzinfo=korea))
    assert period.contains(datetime(2023, 10, 5, 23, 59, 59, tzinfo=UTC))


@given(days, st.integers(1, 20))
def test_the_years_before_end_where_it_starts(first, years):
    period = Period(first, first + timedelta(days=1))
    before = period.before(years)
    assert before.end == first
    assert before.start.year == first.year - years
    assert 365 * years <= before.days <= 366 * years + 1
