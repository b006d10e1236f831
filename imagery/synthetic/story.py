"""What stands at a site on each day: a scenario's schedule and its chance traffic, told without pixels."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from imagery.errors import ConfigError
from imagery.synthetic.chance import stream
from imagery.synthetic.scenario import Cars, Goods, Rake, Ship, SitePlan, Traffic
from imagery.synthetic.stock import draw_wagon, make
from imagery.synthetic.wagons import WagonSpec

COUPLED_M = 2.0
"""Wagons closer than this are one occupied stretch."""
_CLEAR_M = 6.0  # chance rakes keep this far from others


@dataclass(frozen=True)
class Standing:
    """A wagon at its place."""

    track: str
    """Track id."""
    start_m: float
    """Distance along the track to its first end wall."""
    spec: WagonSpec
    """What stands there."""

    @property
    def end_m(self) -> float:
        """Distance along the track to its other end wall."""
        return self.start_m + self.spec.length_m


@dataclass(frozen=True)
class Day:
    """A site on one day."""

    wagons: tuple[Standing, ...]
    """Every wagon on its tracks, by track and position."""
    goods: tuple[Goods, ...]
    """Cargo on the ground."""
    ships: tuple[Ship, ...]
    """At the berths."""

    @property
    def occupied_m(self) -> dict[str, float]:
        """Occupied metres of each track that holds anything, gaps between coupled wagons included."""
        result: dict[str, float] = {}
        reached: dict[str, float] = {}
        for wagon in self.wagons:
            last = reached.get(wagon.track)
            coupled = last is not None and wagon.start_m - last < COUPLED_M
            begin = last if coupled and last is not None else wagon.start_m
            result[wagon.track] = result.get(wagon.track, 0.0) + wagon.end_m - begin
            reached[wagon.track] = wagon.end_m
        return result


class Story:
    """Every day of one site."""

    def __init__(self, plan: SitePlan, site: str, tracks_m: Mapping[str, float], seed: int) -> None:
        """Set the schedule and draw the traffic.

        Args:
            plan: The site's plan.
            site: Site id, part of what chance follows from.
            tracks_m: Length of each track in metres.
            seed: The scenario's seed.

        Raises:
            ConfigError: A rake names an unknown track or wagon, leaves its track, or stands in another.
        """
        self._plan = plan
        self._site = site
        self._seed = seed
        rakes = list(plan.rakes)
        for index, rake in enumerate(rakes):
            _check(rake, rakes[:index], tracks_m, site)
        for index, traffic in enumerate(plan.traffic):
            rakes += _arrivals(traffic, rakes, tracks_m, stream(seed, site, "traffic", index))
        self.rakes: tuple[Rake, ...] = tuple(sorted(rakes, key=lambda r: (r.track, r.start_m, r.first)))
        """Every rake there ever is."""

    def on(self, day: date) -> Day:
        """What stands there on that day."""
        wagons = [wagon for rake in self.rakes if rake.holds(day) for wagon in self._wagons(rake)]
        return Day(
            tuple(wagons),
            tuple(goods for goods in self._plan.goods if goods.holds(day)),
            tuple(ship for ship in self._plan.ships if ship.holds(day)),
        )

    def _wagons(self, rake: Rake) -> list[Standing]:
        """The rake's wagons: the same ones on each of its days."""
        rng = stream(self._seed, self._site, rake.track, rake.start_m, rake.first)
        placed: list[Standing] = []
        start = rake.start_m
        for cars in rake.cars:
            for _ in range(cars.count):
                spec = draw_wagon(rng, cars.form, cars.tarp, cars.load, cars.length_m)
                placed.append(Standing(rake.track, start, spec))
                start += spec.length_m + make(cars.form).gap_m
        return placed


def rake_length_m(rake: Rake) -> float:
    """From its first end wall to its last."""
    pitches = sum(c.count * ((c.length_m or make(c.form).length_m) + make(c.form).gap_m) for c in rake.cars)
    return pitches - make(rake.cars[-1].form).gap_m


def _count(rake: Rake) -> int:
    return sum(cars.count for cars in rake.cars)


def _meet(one: Rake, other: Rake) -> bool:
    return one.track == other.track and one.first <= other.last and other.first <= one.last


def _check(rake: Rake, earlier: Sequence[Rake], tracks_m: Mapping[str, float], site: str) -> None:
    told = f"{site}: rake on {rake.track} at {rake.start_m} m from {rake.first}"
    if rake.track not in tracks_m:
        raise ConfigError(f"{told}: there is no such track; the site has {', '.join(tracks_m)}")
    end = rake.start_m + rake_length_m(rake)
    if end > tracks_m[rake.track]:
        raise ConfigError(f"{told} reaches {end:.0f} m, its track ends at {tracks_m[rake.track]:.0f} m")
    for other in earlier:
        if _meet(rake, other) and rake.start_m < other.start_m + rake_length_m(other) and other.start_m < end:
            raise ConfigError(
                f"{told} stands in the rake at {other.start_m} m from {other.first}: move one of them"
            )


def _arrivals(
    traffic: Traffic, known: Sequence[Rake], tracks_m: Mapping[str, float], rng: np.random.Generator
) -> list[Rake]:
    """Rakes that chance brings; one that finds no room, or would be one too many, does not come."""
    forms, shares = list(traffic.forms), np.array(list(traffic.forms.values()), dtype=np.float64)
    colours = traffic.tarp_colours
    came: list[Rake] = []
    day = traffic.first
    while day <= traffic.last:
        for _ in range(int(rng.poisson(traffic.per_week / 7))):
            stay = int(rng.integers(traffic.stay_days[0], traffic.stay_days[1] + 1))
            covered = rng.random() < traffic.tarp_share
            cars = Cars(
                form=forms[int(rng.choice(len(forms), p=shares / shares.sum()))],
                count=int(rng.integers(traffic.cars[0], traffic.cars[1] + 1)),
                tarp=colours[int(rng.integers(len(colours)))] if covered else "none",
                load=str(rng.choice(["empty", "empty", "coal", "ore"])),
            )
            last = min(day + timedelta(days=stay - 1), traffic.last)
            rake = _parked(cars, day, last, [*known, *came], tracks_m, rng)
            if rake is not None and _most([*known, *came, rake], rake) <= traffic.at_most:
                came.append(rake)
        day += timedelta(days=1)
    return came


def _parked(
    cars: Cars,
    first: date,
    last: date,
    known: Sequence[Rake],
    tracks_m: Mapping[str, float],
    rng: np.random.Generator,
) -> Rake | None:
    tracks = list(tracks_m)
    for index in rng.permutation(len(tracks)):
        rake = Rake(first=first, last=last, track=tracks[index], start_m=0.0, cars=(cars,))
        length = rake_length_m(rake)
        taken = sorted((o.start_m, o.start_m + rake_length_m(o)) for o in known if _meet(rake, o))
        edges = [(-_CLEAR_M, 0.0), *taken, (tracks_m[rake.track], 0.0)]
        gaps = [(a[1] + _CLEAR_M, b[0] - _CLEAR_M - length) for a, b in itertools.pairwise(edges)]
        free = [(low, high) for low, high in gaps if high > low]
        if free:
            low, high = free[int(rng.integers(len(free)))]
            return rake.model_copy(update={"start_m": round(float(rng.uniform(low, high)), 1)})
    return None


def _most(rakes: Sequence[Rake], new: Rake) -> int:
    """Most wagons on any day of the new rake."""
    days = {max(rake.first, new.first) for rake in rakes if rake.first <= new.last and new.first <= rake.last}
    return max(sum(_count(rake) for rake in rakes if rake.holds(day)) for day in days)
