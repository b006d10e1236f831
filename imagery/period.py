"""A half-open span of UTC days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from imagery.errors import InputError


@dataclass(frozen=True, order=True)
class Period:
    """The days from ``start`` up to, not including, ``end`` (UTC)."""

    start: date
    """First day inside."""
    end: date
    """First day after."""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InputError(f"period {self.start}/{self.end} is empty: the end must lie after the start")

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read ``2023-10-05``, ``2023-10``, ``2023`` or ``FROM/TO``, both ends inclusive as written.

        Args:
            text: ISO 8601 day, month or year, or two of them joined by ``/``.

        Returns:
            The period; the last written day, month or year lies wholly inside.

        Raises:
            InputError: The text is none of these, or its end lies before its start.
        """
        first, slash, last = text.strip().partition("/")
        return cls(_span(first)[0], _span(last if slash else first)[1])

    def contains(self, moment: datetime | date) -> bool:
        """Whether the moment's UTC day lies inside."""
        if isinstance(moment, datetime):
            moment = moment.astimezone(UTC).date()
        return self.start <= moment < self.end

    @property
    def days(self) -> int:
        """How many days it holds."""
        return (self.end - self.start).days

    def before(self, years: int) -> Period:
        """The ``years`` years that end where this period starts."""
        return Period(_years_earlier(self.start, years), self.start)

    def __str__(self) -> str:
        last = self.end - timedelta(days=1)
        return str(self.start) if last == self.start else f"{self.start}/{last}"


def _years_earlier(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February has no counterpart
        return day.replace(year=day.year - years, day=28)


def _span(text: str) -> tuple[date, date]:
    parts = text.strip().split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 1:
            return date(numbers[0], 1, 1), date(numbers[0] + 1, 1, 1)
        if len(numbers) == 2:
            year, month = numbers
            return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        day = date(*numbers)
        return day, day + timedelta(days=1)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{text!r} is no date: write YYYY, YYYY-MM or YYYY-MM-DD, or two of them joined by '/'"
        ) from error
