"""Random trains on the tracks of a simulated place: where each stands, and what it looks like from above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.coarse import Thing
from imagery.synthetic.layout import Layout, Points
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.spectra import SNOW, Spectrum
from imagery.synthetic.tops import Stock, draw_top

GAP_M = 1.1
"""Between the end walls of coupled wagons."""
_CLEAR_M = 8.0  # trains keep this far from each other
_MAKES = ((12.8, 0.4), (15.8, 0.2), (18.4, 0.2), (11.0, 0.12), (21.5, 0.08))
"""Lengths over the end walls, and how common each is."""


@dataclass(frozen=True, eq=False)
class Train:
    """Coupled wagons on one track."""

    track: int
    """Index into the site's tracks."""
    starts_m: NDArray[np.float64]
    """(cars,) distance along the track to each wagon's first end wall, rising."""
    lengths_m: NDArray[np.float64]
    """(cars,) over the end walls."""
    width_m: float
    """Of the bodies."""
    height_m: float
    """Above rail."""
    tops: tuple[str, ...]
    """(cars,) name of each wagon's material."""
    spectra: NDArray[np.float64]
    """(cars, 10) reflectance of each top, snow included."""

    @property
    def start_m(self) -> float:
        """Distance along the track to its first end wall."""
        return float(self.starts_m[0])

    @property
    def end_m(self) -> float:
        """Distance along the track to its last end wall."""
        return float(self.starts_m[-1] + self.lengths_m[-1])

    @property
    def colour(self) -> str:
        """``blue``, ``white``, ``green`` or ``other``, or ``mixed`` where its wagons differ."""
        names = {colour_of(spectrum) for spectrum in self.spectra}
        return names.pop() if len(names) == 1 else "mixed"


def colour_of(spectrum: Spectrum) -> str:
    """What a person would call a top: ``blue``, ``white``, ``green`` or ``other``."""
    blue, green, red = (float(part) for part in spectrum[:3])
    if min(blue, green, red) > 0.33 and max(blue, green, red) < 1.35 * min(blue, green, red):
        return "white"
    if blue > 1.25 * green and blue > 1.4 * red:
        return "blue"
    return "green" if green > 1.3 * max(blue, red) else "other"


def random_trains(
    place: SimulatedPlace, cars: int, rng: np.random.Generator, stock: Stock = "known", snow: float = 0.0
) -> list[Train]:
    """Trains with so many wagons in all, or fewer where the tracks are full.

    A train has up to some 40 wagons, mostly of one make; half of the trains are of one material throughout.
    Two trains in five stand on the track beside the one before.

    Args:
        place: Where they stand.
        cars: Wagons in all.
        rng: Source of randomness.
        stock: Which tops may be drawn.
        snow: Share of open ground under snow: tops hold some of it.
    """
    free = [list(spans) for spans in place.spans_m]
    trains: list[Train] = []
    left, track, failed = cars, int(rng.integers(len(free))), 0
    while left > 0 and failed < 12:
        track = _next(track, len(free), rng, beside=bool(trains) and rng.random() < 0.4)
        lengths = _lengths(rng, min(left, 1 + int(rng.exponential(9 / (1 + failed)))))
        start = _room(free[track], float(lengths.sum() + GAP_M * (len(lengths) - 1)), rng)
        if start is None:
            failed += 1
            continue
        train = _train(track, start, lengths, rng, stock, snow)
        trains.append(train)
        _take(free[track], train.start_m, train.end_m)
        left -= len(lengths)
    return sorted(trains, key=lambda train: (train.track, train.start_m))


def things_of(place: SimulatedPlace, trains: Sequence[Train]) -> list[Thing]:
    """Each wagon in local metres."""
    lines = place.tracks_m
    return [thing for train in trains for thing in on_line(lines[train.track], train)]


def on_line(line_m: Points, train: Train) -> list[Thing]:
    """A train's wagons, in the metres of its track's line (n, 2)."""
    layout = Layout((line_m,), (1.0, 1.0))
    a, b = (layout.at(0, end) for end in (train.starts_m, train.starts_m + train.lengths_m))
    angle = np.degrees(np.arctan2(b[:, 1] - a[:, 1], b[:, 0] - a[:, 0]))
    return [
        Thing((float(x), float(y)), (float(length), train.width_m), float(turn), train.height_m, spectrum)
        for (x, y), length, turn, spectrum in zip(
            (a + b) / 2, train.lengths_m, angle, train.spectra, strict=True
        )
    ]


def train_of(
    start_m: float,
    cars: int,
    spectrum: Spectrum,
    length_m: float = 12.8,
    width_m: float = 3.1,
    height_m: float = 3.5,
    track: int = 0,
    top: str = "given",
) -> Train:
    """A train of equal wagons, all of one spectrum.

    Args:
        start_m: Distance along the track to its first end wall.
        cars: Wagons.
        spectrum: (10,) reflectance of their tops, in spectra.BANDS.
        length_m: Of a wagon over the end walls; they stand GAP_M apart.
        width_m: Of the bodies.
        height_m: Above rail.
        track: Index into the site's tracks.
        top: Name of the material.
    """
    return Train(
        track=track,
        starts_m=start_m + np.arange(cars, dtype=np.float64) * (length_m + GAP_M),
        lengths_m=np.full(cars, length_m),
        width_m=width_m,
        height_m=height_m,
        tops=(top,) * cars,
        spectra=np.tile(spectrum, (cars, 1)),
    )


def _next(track: int, count: int, rng: np.random.Generator, beside: bool) -> int:
    if beside and count > 1:
        return min(max(track + int(rng.choice([-1, 1])), 0), count - 1)
    return int(rng.integers(count))


def _lengths(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    sizes, odds = (np.array(part) for part in zip(*_MAKES, strict=True))
    drawn = rng.choice(sizes, count if rng.random() < 0.25 else 1, p=odds / odds.sum())
    return np.broadcast_to(drawn, count) + rng.normal(0, 0.05)


def _room(free: Sequence[tuple[float, float]], length: float, rng: np.random.Generator) -> float | None:
    fits = [(low, high - length) for low, high in free if high - length > low]
    if not fits:
        return None
    low, high = fits[int(rng.integers(len(fits)))]
    return float(rng.uniform(low, high))


def _take(free: list[tuple[float, float]], start: float, end: float) -> None:
    for index, (low, high) in enumerate(free):
        if low <= start < high:
            free[index : index + 1] = [(low, start - _CLEAR_M), (end + _CLEAR_M, high)]
            return


def _train(
    track: int,
    start: float,
    lengths: NDArray[np.float64],
    rng: np.random.Generator,
    stock: Stock,
    snow: float,
) -> Train:
    count = len(lengths)
    mixed = count > 1 and rng.random() < 0.5
    drawn = [draw_top(rng, stock) for _ in range(count if mixed else 1)] * (1 if mixed else count)
    spectra = np.array([spectrum for _, spectrum in drawn]) * np.exp(rng.normal(0, 0.06, (count, 1)))
    white = (snow * rng.uniform(0, 1) * rng.uniform(0.6, 1, count))[:, None]
    low = rng.random() < 0.12
    return Train(
        track=track,
        starts_m=start + np.concatenate([[0.0], np.cumsum(lengths[:-1] + GAP_M)]),
        lengths_m=lengths,
        width_m=float(rng.uniform(2.6, 3.25)),
        height_m=float(rng.uniform(1.1, 1.8) if low else rng.uniform(2.8, 4.7)),
        tops=tuple(name for name, _ in drawn),
        spectra=spectra * (1 - white) + SNOW * white,
    )
