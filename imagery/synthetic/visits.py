"""Dates of a simulated place as a coarse sensor delivers them, each with what is true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np

from imagery.errors import InputError
from imagery.synthetic.eyes import EYES
from imagery.synthetic.optical import OpticalPainter
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.radar import CELL_M
from imagery.synthetic.radar_visits import RadarPainter
from imagery.synthetic.scenario import Sky
from imagery.synthetic.season import season_of
from imagery.synthetic.tops import Stock
from imagery.synthetic.trains import Train, random_trains
from imagery.synthetic.visit import Segment, State, Truth, Visit

__all__ = ["Cars", "Segment", "State", "Truth", "Visit", "regular_days", "typical_cars", "visits"]

Cars = Callable[[np.random.Generator, date], int] | Sequence[int]
"""Wagons on a date: drawn, or one number a date."""


def typical_cars(rng: np.random.Generator, day: date) -> int:
    """Ordinary traffic: 0 to 20 wagons, often few."""
    return int(20 * rng.beta(0.9, 1.4))


def regular_days(first: date, last: date, every_days: int = 5) -> list[date]:
    """Overpasses of a span, both ends inside."""
    return [first + timedelta(days=n) for n in range(0, (last - first).days + 1, every_days)]


def visits(
    place: SimulatedPlace,
    rng: np.random.Generator,
    days: Sequence[date],
    stock: Stock = "known",
    cars: Cars = typical_cars,
    sensor: str = "sentinel-2",
    sky: Sky | None = None,
    trains: Sequence[Sequence[Train]] | None = None,
) -> Iterator[Visit]:
    """Paint dates of a place, in the order given.

    Args:
        place: As random_place or place_of gives it, for this sensor's pixels.
        rng: Source of randomness: the same state gives the same visits.
        days: Dates.
        stock: Which tops wagons have; ``held-out`` ones are for tests alone.
        cars: How many wagons stand there.
        sensor: ``sentinel-2`` (reflectance in ten bands and classes on 10 m pixels), ``planetscope`` (four
            bands and classes on 3 m) or ``sentinel-1`` (gamma nought in VV and VH, linear, on 10 m; the
            scene's properties name its orbit).
        sky: Weather of all optical dates; left to chance if None.
        trains: What stands there on each date, instead of ``cars``: so that two sensors see the same.

    Yields:
        One visit a date.

    Raises:
        InputError: The sensor is unknown, cars do not fit the days, or the place was made for other pixels.
    """
    if sensor not in (*EYES, "sentinel-1"):
        raise InputError(f"unknown sensor {sensor!r}: known are {', '.join(EYES)}, sentinel-1")
    fits = EYES[sensor].gsd_m if sensor in EYES else 10.0
    if place.cell_m != (EYES[sensor].cell_m if sensor in EYES else CELL_M):
        raise InputError(f"{sensor} needs a place made for {fits:g} m: random_place(rng, {fits:g})")
    told = trains if trains is not None else None if callable(cars) else cars
    if told is not None and len(told) != len(days):
        raise InputError(f"wagons of {len(told)} dates for {len(days)} days: give one a day")
    painter = OpticalPainter(place, EYES[sensor], rng) if sensor in EYES else RadarPainter(place)
    for index, day in enumerate(days):
        if trains is not None:
            standing = trains[index]
        else:
            count = cars(rng, day) if callable(cars) else cars[index]
            snow = season_of(place.seed, place.site.id, day, place.climate).snow
            standing = random_trains(place, int(count), rng, stock, snow)
        yield painter.visit(day, standing, stock, sky, rng)
