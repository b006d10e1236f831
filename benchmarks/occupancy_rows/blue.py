"""Blue cargo on simulated yards: what is found, how large it is read, and how often for nothing.

    python -m benchmarks.occupancy_rows.blue [PLACES] [SEED]
    python -m benchmarks.occupancy_rows.blue --calibrate

Each yard is painted every 15 days for five years with ordinary traffic and clutter, some of which is blue
and not in the truth. Stacks under blue covers are then painted on dates of the last autumn, with dyes drawn
at random or of a material that is held out. Nothing of ``rows`` set anything in models/occupancy/blue.py;
``--calibrate`` prints what its MISSED is made of, from other yards and drawn dyes alone.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.coarse import Thing
from imagery.synthetic.places import SimulatedPlace, random_place
from imagery.synthetic.spectra import Spectrum
from imagery.synthetic.tops import HELD_OUT
from imagery.synthetic.visits import Visit, regular_days, visits
from imagery.visibility import believable
from models.measurement import Skip
from models.occupancy.blue import Cover, covers
from models.occupancy.lattice import Look, read_look

DATA = (
    "8 SIMULATED yards of seed 905100; stacks under blue dyes drawn at random, and under a held-out pale blue"
)
SEED = 905_100
CALIBRATION = 905_200
YARD_M = (120.0, 60.0)
HEAP_M = (11.7, 4.7)
PITCH_M = (12.0, 5.0)
SIZES_M2 = (150.0, 300.0, 500.0, 1000.0, 3000.0)
FIRST, LAST = date(2018, 10, 3), date(2023, 9, 27)
TARGETS = (date(2023, 10, 4), date(2023, 10, 14))
YARD = "goods-yard"
Pixels = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Yard:
    """A goods yard beside the tracks of a simulated place."""

    place: SimulatedPlace
    centre_m: NDArray[np.float64]
    along: NDArray[np.float64]

    @classmethod
    def of(cls, place: SimulatedPlace, rng: np.random.Generator) -> Yard:
        """Beside the middle of the outermost track on one side."""
        side = int(rng.choice([0, -1]))
        line, other = place.tracks_m[side], place.tracks_m[-1 - side]
        middle = line[len(line) // 2]
        u = line[len(line) // 2 + 1] - middle
        u /= np.hypot(*u)
        out = np.array([-u[1], u[0]])
        if out @ (middle - other[len(other) // 2]) < 0:
            out = -out
        return cls(place, middle + out * (10 + YARD_M[1] / 2), u)

    def ring(self) -> Pixels:
        """Outline (5, 2) in local metres."""
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * np.array(YARD_M) / 2
        return self.at(corners)

    def at(self, uv_m: NDArray[np.float64]) -> Pixels:
        """Metres along and across the yard, in local metres."""
        across = np.array([-self.along[1], self.along[0]])
        return np.asarray(self.centre_m + uv_m[:, :1] * self.along + uv_m[:, 1:] * across)

    def stack(self, area_m2: float, spectrum: Spectrum, rng: np.random.Generator) -> tuple[Thing, ...]:
        """Heaps side by side under covers of one dye, anywhere in the yard."""
        count = max(1, round(area_m2 / (HEAP_M[0] * HEAP_M[1])))
        columns = min(
            max(1, round(math.sqrt(count * PITCH_M[1] / PITCH_M[0]) * 1.4)), int(YARD_M[0] / PITCH_M[0])
        )
        index = np.arange(count)
        uv = np.stack([index % columns, index // columns], axis=1) * np.array(PITCH_M)
        free = np.array(YARD_M) - uv.max(axis=0) - np.array(PITCH_M)
        uv = uv - uv.max(axis=0) / 2 + rng.uniform(-0.5, 0.5, 2) * np.maximum(free, 0.0)
        angle = math.degrees(math.atan2(self.along[1], self.along[0]))
        return tuple(
            Thing((float(x), float(y)), HEAP_M, angle, 2.6, spectrum * float(np.exp(rng.normal(0, 0.06))))
            for x, y in self.at(uv)
        )

    def look(self, visit: Visit) -> Look:
        """What the estimator reads of a visit."""
        tile = visit.raster.read()
        tracks = [
            (track.id, line / 10.0)
            for track, line in zip(self.place.site.tracks, self.place.tracks_m, strict=True)
        ]
        return read_look(tile, believable(tile), [(YARD, self.ring() / 10.0)], tracks)


def random_dye(rng: np.random.Generator) -> Spectrum:
    """A blue cover in the ten bands: dark to pale, with an infrared that no dye tells."""
    blue = rng.uniform(0.12, 0.40)
    nir, swir = rng.uniform(0.15, 0.55), rng.uniform(0.10, 0.40)
    visible = [blue, blue * rng.uniform(0.40, 0.75), blue * rng.uniform(0.20, 0.50)]
    edge = np.linspace(visible[2], nir, 6)[1:]
    return np.array([*visible, *edge, swir, 0.8 * swir])


def rows(places: int = 8, seed: int = SEED, every_days: int = 15) -> dict[str, float]:
    """Flat figures, by name."""
    quiet: list[bool] = []
    told: dict[str, list[tuple[float, Cover | None]]] = {"": [], "held_out_": []}
    limits: list[float] = []
    for index in range(places):
        rng = np.random.default_rng([seed, index])
        yard, days, usual = _usual(rng, every_days)
        blue = [_blue(found) for _, found in covers(usual)]
        limits += [cover.limit_m2 for cover in blue[-36:] if cover]
        quiet += _alarms(days, blue)
        for name, sums in told.items():
            sums += _stacks(yard, usual, rng, held_out=bool(name))
    return _figures(told, quiet, limits)


def calibrate(places: int = 6) -> dict[str, float]:
    """How far truth lies from the estimate on found stacks, in half-widths of the uncalibrated interval."""
    scores = []
    for index in range(places):
        rng = np.random.default_rng([CALIBRATION, index])
        yard, _, usual = _usual(rng, every_days=15)
        days = [TARGETS[0] + timedelta(days=5 * n) for n in range(4)]
        for area, one in _stacks(yard, usual, rng, held_out=False, days=days):
            if one is not None and one.low_m2 > 0:
                scores.append((area - one.area_m2) / one.spread_m2)
    ends = np.quantile(scores, np.clip(0.5 + np.array([-0.45, 0.45]) * (1 + 2 / len(scores)), 0, 1))
    return {"stacks": float(len(scores)), "low": float(ends[0]), "high": float(ends[1])}


def _usual(rng: np.random.Generator, every_days: int) -> tuple[Yard, list[date], list[Look]]:
    """A yard with its ordinary dates."""
    yard = Yard.of(random_place(rng), rng)
    days = regular_days(FIRST, LAST, every_days)
    return yard, days, [yard.look(visit) for visit in visits(yard.place, rng, days)]


def _blue(found: tuple[Cover, ...] | Skip) -> Cover | None:
    if isinstance(found, Skip):
        return None
    return next((one for one in found if one.area == YARD and one.colour == "blue"), None)


def _alarms(days: Sequence[date], found: Sequence[Cover | None]) -> list[bool]:
    """For each of the last three years, whether any date was called blue."""
    ends = [LAST - timedelta(days=365 * n) for n in range(3)]
    return [
        any(
            cover.low_m2 > 0
            for day, cover in zip(days, found, strict=True)
            if cover and end - timedelta(days=365) < day <= end
        )
        for end in ends
    ]


def _stacks(
    yard: Yard,
    usual: Sequence[Look],
    rng: np.random.Generator,
    held_out: bool,
    days: Sequence[date] = TARGETS,
) -> list[tuple[float, Cover | None]]:
    """Painted area and what was read, one a stack; dates that cannot be read are None."""
    result = []
    for day in days:
        things = []
        for size in SIZES_M2:
            dye = HELD_OUT["pale blue tarpaulin"] if held_out else random_dye(rng)
            things.append(yard.stack(size, dye, rng))
        looks = []
        for stack in things:
            place = replace(yard.place, roofs=(*yard.place.roofs, *stack))
            looks.append(yard.look(next(iter(visits(place, rng, [day], sky="clear")))))
        found = covers([*usual, *looks])[len(usual) :]
        for stack, (_, one) in zip(things, found, strict=True):
            area = sum(thing.size_m[0] * thing.size_m[1] for thing in stack)
            result.append((area, _blue(one)))
    return result


def _figures(
    told: Mapping[str, Sequence[tuple[float, Cover | None]]], quiet: Sequence[bool], limits: Sequence[float]
) -> dict[str, float]:
    figures: dict[str, float] = {
        "yard_years": len(quiet),
        "false_alarms_per_yard_year": float(np.mean(quiet)),
        "limit_m2_median": float(np.median(limits)),
        "limit_m2_p90": float(np.quantile(limits, 0.9)),
    }
    for name, pairs in told.items():
        read = [(area, cover) for area, cover in pairs if cover]
        held = [one.low_m2 <= area <= one.high_m2 for area, one in read]
        figures[f"{name}covered"] = float(np.mean(held))
        figures[f"{name}stacks"] = len(pairs)
        figures[f"{name}stacks_read"] = len(read)
        for size in SIZES_M2:
            near = [(a, c) for a, c in read if abs(a - size) < 0.25 * size]
            figures[f"{name}{size:.0f}_m2_found"] = float(np.mean([c.low_m2 > 0 for _, c in near]))
            figures[f"{name}{size:.0f}_m2_ratio"] = float(np.median([c.area_m2 / a for a, c in near]))
            inside = [c.low_m2 <= a <= c.high_m2 for a, c in near]
            figures[f"{name}{size:.0f}_m2_covered"] = float(np.mean(inside))
    return figures


def main(arguments: Sequence[str]) -> None:
    """Print the figures as JSON."""
    if list(arguments) == ["--calibrate"]:
        print(json.dumps(calibrate(), indent=1))
        return
    options: dict[str, Any] = {"places": int(arguments[0])} if arguments else {}
    if len(arguments) > 1:
        options["seed"] = int(arguments[1])
    print(json.dumps(rows(**options), indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
