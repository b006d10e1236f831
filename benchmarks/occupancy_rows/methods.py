"""Three methods on the same dates: 1D profile, unmixing through the point spread, and the trained net.

    python -m benchmarks.occupancy_rows.methods

All see the same images, masks, shifts and baselines. Each is also shown after a straight line
fitted on other places, those of the calibration, so that a constant scale decides
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.synthetic.places import random_place
from models.measurement import PASS, Skip
from models.occupancy import occupied, profile
from models.occupancy.corridor import Corridor, Rails
from models.occupancy.differ import Difference, differences
from models.occupancy.gate import gate
from models.occupancy.lessons import Seen, Wanted, seen_at
from models.occupancy.limits import WAGON_LENGTH_M
from models.occupancy.registry import reader
from models.occupancy.solve import Cells, solve

DATA = (
    "4 simulated yards (SIMULATED, seed 300) to try, 3 others (seed 200) for the straight lines; gated dates"
)
WANTED = (Wanted(36), Wanted(12, cars=(0, 100)), Wanted(12, "held-out", (0, 100)))
KINDS = ("ordinary", "known", "unseen")
TRIED, FITTED = (300, 4), (200, 3)
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What each method says of the gated dates of one place, in metres."""

    kind: NDArray[np.int64]
    true_m: Numbers
    by_method: dict[str, Numbers]


def answers(seed: int, k: int) -> Answers:
    """Read one place by all methods."""
    rng = np.random.default_rng([seed, k])
    place = random_place(rng)
    seen = list(seen_at(place, rng, WANTED))
    views = [one.view for one in seen]
    found = differences(views, np.array([one.group == 0 for one in seen]))
    kept = [i for i, one in enumerate(found) if isinstance(one, Difference) and gate(one) == PASS]
    dates = [one for i in kept if isinstance(one := found[i], Difference)]
    profiles = _profiles(seen)
    rails = Rails.of(views[0].lines_px, views[0].metres_px)
    shape = views[0].pixels.shape[1], views[0].pixels.shape[2]
    corridor = Corridor.of(rails, shape)
    unmixed = [
        float(solve(one, Cells.of(rails, corridor, shape, views[i].shadow)).sum())
        for i, one in zip(kept, dates, strict=True)
    ]
    by_method = {
        "profile": np.array([profiles[i] for i in kept]),
        "unmixing": np.array(unmixed),
        "learned": np.array([reading.metres for reading in reader()[0].read(dates)]),
    }
    true = np.array([seen[i].visit.truth.occupied_track_m for i in kept])
    return Answers(np.array([seen[i].group for i in kept]), true, by_method)


def _profiles(seen: list[Seen]) -> list[float]:
    """Metres by the profile, NaN where it skips; each busy date is held against the ordinary ones alone."""
    ordinary = [one for one in seen if one.group == 0]
    base = [_profile(one) for one in ordinary]
    usual = {id(one): result for one, result in zip(ordinary, _metres(base), strict=True)}
    return [usual[id(one)] if one.group == 0 else _metres([*base, _profile(one)])[-1] for one in seen]


def _profile(one: Seen) -> profile.Profile:
    by = np.array([one.shift.dx_px, one.shift.dy_px])
    tracks = [(f"track-{k}", line + by) for k, line in enumerate(one.lines)]
    return profile.read_profile(one.tile, one.good, tracks)


def _metres(profiles: list[profile.Profile]) -> list[float]:
    return [
        float("nan") if isinstance(result, Skip) else result[0].value
        for _, result in occupied.occupied(profiles)
    ]


def rows() -> dict[str, float]:
    """Mean absolute error in wagons of 13.92 m by method, as they are and after a straight line."""
    fitted, tried = (list(_all(*part)) for part in (FITTED, TRIED))
    result: dict[str, float] = {}
    for method in ("profile", "unmixing", "learned"):
        slope, offset = _line(fitted, method)
        for group, kind in enumerate(KINDS):
            true, read = _pooled(tried, method, group)
            straight = np.clip(slope * read + offset, 0, None)
            result[f"{method}_{kind}_mae_cars"] = float(np.abs(read - true).mean() / WAGON_LENGTH_M)
            result[f"{method}_{kind}_mae_cars_after_line"] = float(
                np.abs(straight - true).mean() / WAGON_LENGTH_M
            )
            result[f"{method}_{kind}_dates"] = float(len(true))
    return result


def _all(seed: int, places: int) -> Iterator[Answers]:
    for k in range(places):
        yield answers(seed, k)


def _pooled(parts: list[Answers], method: str, group: int | None) -> tuple[Numbers, Numbers]:
    """Truth and reading of the dates that all methods read."""
    true, read = [], []
    for one in parts:
        keep = np.isfinite(one.by_method["profile"])
        keep &= True if group is None else one.kind == group
        true.append(one.true_m[keep])
        read.append(one.by_method[method][keep])
    return np.concatenate(true), np.concatenate(read)


def _line(parts: list[Answers], method: str) -> tuple[float, float]:
    true, read = _pooled(parts, method, 1)
    slope, offset = np.polyfit(read, true, 1)
    return float(slope), float(offset)


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
