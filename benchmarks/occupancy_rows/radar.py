"""Radar alone and all weather with radar, on simulated yards.

    python -m benchmarks.occupancy_rows.radar [PLACES] [SEED]

Each yard is seen by Sentinel-2 on dates of one stretch of the year, and by Sentinel-1 one to three days
after each of them with as many wagons (trains are drawn anew), and on ordinary dates besides. A date is read
as a run reads it: fused where both agree; where they do not, optical if it passes its gate, and radar if not.
Nothing here set anything in models/occupancy/radar.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from imagery.synthetic.places import SimulatedPlace, random_place
from imagery.synthetic.visits import regular_days, visits
from imagery.tracks import tracks_in_pixels
from imagery.visibility import believable
from models.measurement import PASS, Measurement, Skip
from models.occupancy import fuse, radar
from models.occupancy.filled import filled
from models.occupancy.lattice import Look, read_look
from models.occupancy.lessons import Wanted, seen_at

DATA = (
    "4 SIMULATED yards of seed 906000, known wagon spectra; radar one to three days after each optical date"
)
SEED = 906_000
WANTED = (Wanted(48), Wanted(12, cars=(0, 100)), Wanted(6, cars=(73, 73)))
"""Ordinary traffic, evenly filled, and the claimed figure."""
MORE = regular_days(date(2018, 10, 5), date(2023, 9, 30), 30)
"""Ordinary radar dates besides."""
CARS = "railcar_equivalents"


@dataclass(frozen=True)
class Read:
    """One optical date and the radar date beside it."""

    group: int
    """Index into WANTED."""
    cars: int
    """Wagons in truth, of both."""
    optical: Measurement | None
    """None where it was skipped."""
    radar: Measurement | None
    """None where it was skipped."""

    @property
    def passed(self) -> bool:
        """Whether the optical date passes its gate."""
        return self.optical is not None and self.optical.gate == PASS

    @property
    def together(self) -> Measurement | None:
        """As the module says."""
        if self.optical is None or self.radar is None:
            return self.optical or self.radar
        return fuse.fused(self.optical, self.radar) or (self.optical if self.passed else self.radar)


def rows(places: int = 4, seed: int = SEED) -> dict[str, float]:
    """Flat figures, by name."""
    dates = []
    for index in range(places):
        rng = np.random.default_rng([seed, index])
        dates.append(_read(random_place(rng), rng))
    passed = [[one for one in place if one.passed] for place in dates]
    both = [one for place in passed for one in place if one.radar is not None]
    agree = [fuse.fused(one.optical, one.radar) is not None for one in both if one.optical and one.radar]
    return {
        "places": places,
        **_figures("radar", dates, [[one.radar for one in place] for place in dates]),
        **_figures("optical", dates, [[one.optical for one in place] for place in dates]),
        **_figures("all_weather", dates, [[one.together for one in place] for place in dates]),
        "optical_passed_share": float(np.mean([one.passed for place in dates for one in place])),
        "fused_agree_share": float(np.mean(agree)) if agree else float("nan"),
    }


def _read(place: SimulatedPlace, rng: np.random.Generator) -> list[Read]:
    """Every optical date of a place with its radar date."""
    seen = list(seen_at(place, rng, WANTED))
    read = filled([one.view for one in seen])
    optical = [_cars(one if isinstance(one, Skip) else one.measurements) for one in read]
    days = [one.visit.day + timedelta(days=int(rng.integers(1, 4))) for one in seen]
    counts = [one.visit.truth.railcars for one in seen]
    looks = _radar_looks(place, rng, days, counts)
    usual = _radar_looks(place, rng, MORE, None)
    found = [_cars(result) for _, result in radar.occupied([*looks, *usual])]
    return [
        Read(one.group, cars, read, echo)
        for one, cars, read, echo in zip(seen, counts, optical, found, strict=False)
    ]


def _radar_looks(
    place: SimulatedPlace, rng: np.random.Generator, days: Sequence[date], counts: Sequence[int] | None
) -> list[Look]:
    found = (
        visits(place, rng, days, sensor="sentinel-1")
        if counts is None
        else visits(place, rng, days, sensor="sentinel-1", cars=counts)
    )
    looks = []
    for visit in found:
        tile = visit.raster.read()
        looks.append(read_look(tile, believable(tile), (), tracks_in_pixels(place.site, tile.grid)))
    return looks


def _cars(result: tuple[Measurement, ...] | Skip) -> Measurement | None:
    if isinstance(result, Skip):
        return None
    return next(one for one in result if one.quantity == CARS)


def _figures(
    name: str, dates: Sequence[Sequence[Read]], readings: Sequence[Sequence[Measurement | None]]
) -> dict[str, float]:
    """Error and coverage on evenly filled dates; 73 against the place's largest ordinary reading.

    An ordinary date exceeds the largest of n others by chance in one case of n + 1: about 2 %.
    """
    even, told, read = [], [], 0
    for place, values in zip(dates, readings, strict=True):
        pairs = [(one, value) for one, value in zip(place, values, strict=True) if value is not None]
        read += len(pairs)
        even += [(one.cars, value) for one, value in pairs if one.group == 1]
        usual = [value.value for one, value in pairs if one.group == 0]
        if usual:
            told += [value.value > max(usual) for one, value in pairs if one.group == 2]
    error = np.array([value.value - cars for cars, value in even])
    inside = [value.low <= cars <= value.high for cars, value in even]
    return {
        f"{name}_read_share": read / sum(len(place) for place in dates),
        f"{name}_mae_cars": float(np.abs(error).mean()),
        f"{name}_bias_cars": float(error.mean()),
        f"{name}_coverage": float(np.mean(inside)),
        f"{name}_73_told": float(np.mean(told)),
    }


def main(arguments: Sequence[str]) -> None:
    """Print the figures as JSON."""
    numbers = [int(argument) for argument in arguments]
    print(json.dumps(rows(*numbers), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
