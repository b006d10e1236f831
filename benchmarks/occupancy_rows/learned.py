"""The shipped reader on simulated places that nothing was learnt, set or chosen on.

    python -m benchmarks.occupancy_rows.learned

Each place has 36 dates of ordinary traffic, which are the baseline, and others with 0 to 100 wagons of known
materials, 0 to 100 of materials held out, and 73 of either. Shifts, masks and gate are those of a run.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.occupancy_rows.scores import Scored, scored, together
from models.occupancy.lessons import Wanted, school
from models.occupancy.registry import reader

DATA = "15 simulated yards (SIMULATED, lessons.school of seed 300), 70 dates each; none was learnt from"
FOLDER = Path("out/train/occupancy/test")
SEED, PLACES = 300, 15
WANTED = (
    Wanted(36),
    Wanted(12, cars=(0, 100)),
    Wanted(12, "held-out", (0, 100)),
    Wanted(5, cars=(73, 73)),
    Wanted(5, "held-out", (73, 73)),
)
KINDS = ("ordinary", "known", "unseen", "known_73", "unseen_73")
BASELINE_MOST = 20 * 13.92
"""Metres: the most that ordinary traffic brings, 20 wagons."""
LEAST_FILLED = 60 * 13.92
"""Metres that a date of 73 wagons must truly fill to be tried: small yards cannot hold them."""


def trial_dates(places: int) -> dict[str, Scored]:
    """Test dates by kind."""
    net, calibration = reader()
    parts: dict[str, list[Scored]] = {kind: [] for kind in KINDS}
    for place, lessons in enumerate(school(FOLDER, SEED, places, WANTED, measured=True)):
        for group, kind in enumerate(KINDS):
            some = lessons.take(lessons.group == group)
            if len(some):
                readings = net.read(some.dates)
                parts[kind].append(
                    scored(
                        some.dates, readings, some.filled_m.tolist(), some.cars.tolist(), calibration, place
                    )
                )
    return {kind: together(some) for kind, some in parts.items() if some}


def rows(places: int = PLACES) -> dict[str, float]:
    """Errors, coverage, bias by count, power and false alarms; ungated rows beside the gated ones."""
    by_kind = trial_dates(places)
    result: dict[str, float] = {}
    for kind in ("ordinary", "known", "unseen"):
        one = by_kind[kind]
        result |= one.take(one.passed).figures(f"{kind}_gated")
        result |= one.take(~one.passed).figures(f"{kind}_ungated")
        result |= one.figures(f"{kind}_all")
        result |= one.take(one.passed).bias_by_count(f"{kind}_gated")
    return result | told(by_kind)


def told(by_kind: dict[str, Scored]) -> dict[str, float]:
    """How often 73 wagons are told from a baseline of at most 20, and how often an ordinary date is.

    A date is told where it reads above the highest of the place's own gated ordinary dates; an ordinary date
    where it reads above all others of them (false alarms), which chance alone does once a place.
    A second rule needs no baseline: the lower end of the interval lies above 20 wagons.
    """
    ordinary = by_kind["ordinary"].take(by_kind["ordinary"].passed)
    result = {
        "gate_passes_share": float(by_kind["ordinary"].passed.mean()),
        "false_alarms_interval": float((ordinary.low_m > BASELINE_MOST).mean()),
    }
    scores = np.concatenate([_z(ordinary, k, without_self=True) for k in np.unique(ordinary.place)])
    threshold = float(np.quantile(scores, 0.98))
    result["told_73_threshold_z"] = threshold
    for kind in ("known_73", "unseen_73"):
        one = by_kind[kind].take(by_kind[kind].passed & (by_kind[kind].true_m > LEAST_FILLED))
        if len(one.true_m):
            z = np.concatenate([_z(one, k, ordinary=ordinary) for k in np.unique(one.place)])
            result[f"told_{kind}_dates"] = float(len(z))
            result[f"told_{kind}_at_2_percent"] = float((z > threshold).mean())
            result[f"told_{kind}_interval"] = float((one.low_m > BASELINE_MOST).mean())
    return result


def _z(
    one: Scored, place: int, without_self: bool = False, ordinary: Scored | None = None
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How far dates of a place read above its ordinary ones, in their spread and at least six wagons."""
    read = one.read_m[one.place == place]
    base = read if ordinary is None else ordinary.read_m[ordinary.place == place]
    found = []
    for k, value in enumerate(read):
        others = np.delete(base, k) if without_self else base
        if len(others) < 8:
            continue
        found.append((value - np.median(others)) / max(float(np.std(others)), 6 * 13.92))
    return np.array(found)


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
