"""The shipped reader on simulated places that nothing was learnt, set or chosen on.

    python -m benchmarks.occupancy_rows.learned

Each place has 36 dates of ordinary traffic, which are the baseline, and others with 0 to 100 wagons of known
materials, 0 to 100 of materials held out, and 73 of either. Masks and gate are those of a run; shifts are
the true ones with the error that a run usually leaves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.occupancy_rows.scores import Scored, scored, together
from models.occupancy.fillconfig import TRIED, TRIED_KINDS
from models.occupancy.lessons import Wanted, school
from models.occupancy.registry import reader

DATA = "15 simulated yards (SIMULATED, lessons.school of seed 300), 70 dates each; none was learnt from"
FOLDER = Path("out/train/occupancy")
SEED, PLACES = 300, 15
OTHERS = (200, 20, (Wanted(36), Wanted(24, cars=(0, 100))))
"""Seed, places and visits of the places that the intervals were calibrated on."""
LEAST_BASELINE = 8
BASELINE_MOST = 20 * 13.92
"""Metres: the most that ordinary traffic brings, 20 wagons."""
LEAST_FILLED = 60 * 13.92
"""Metres that a date of 73 wagons must truly fill to be tried: small yards cannot hold them."""


def trial_dates(folder: Path, seed: int, places: int, wanted: Sequence[Wanted]) -> dict[str, Scored]:
    """Dates of simulated places by kind."""
    net, calibration = reader()
    parts: dict[str, list[Scored]] = {kind: [] for kind in TRIED_KINDS}
    for place, lessons in enumerate(school(folder, seed, places, wanted, measured=False)):
        for group, kind in enumerate(TRIED_KINDS):
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
    by_kind = trial_dates(FOLDER / "test", SEED, places, TRIED)
    result: dict[str, float] = {}
    for kind in ("ordinary", "known", "unseen"):
        one = by_kind[kind]
        result |= one.take(one.passed).figures(f"{kind}_gated")
        result |= one.take(~one.passed).figures(f"{kind}_ungated")
        result |= one.figures(f"{kind}_all")
        result |= one.take(one.passed).bias_by_count(f"{kind}_gated")
    both = together([by_kind["ordinary"], by_kind["known"]])
    result["error_sd_empty_cars"], result["error_sd_share"] = both.take(both.passed).spread()
    others = trial_dates(FOLDER / "calibrate", *OTHERS)
    return result | told(by_kind, others["ordinary"])


def told(by_kind: dict[str, Scored], others: Scored) -> dict[str, float]:
    """How often 73 wagons are told from a baseline of at most 20, and how often an ordinary date is.

    A date is told where it reads further above the middle of its place's other gated ordinary dates, in
    their spread, than 2 % of ordinary dates of other places do. A second rule needs no baseline: the lower
    end of the interval lies above 20 wagons.
    """
    threshold = float(np.quantile(_above(others.take(others.passed)), 0.98))
    ordinary = by_kind["ordinary"].take(by_kind["ordinary"].passed)
    result = {
        "gate_passes_share": float(by_kind["ordinary"].passed.mean()),
        "false_alarms": float((_above(ordinary) > threshold).mean()),
        "false_alarms_interval": float((ordinary.low_m > BASELINE_MOST).mean()),
    }
    for kind in ("known_73", "unseen_73"):
        one = by_kind[kind].take(by_kind[kind].passed & (by_kind[kind].true_m > LEAST_FILLED))
        if len(one.true_m):
            result[f"told_{kind}_dates"] = float(len(one.true_m))
            result[f"told_{kind}"] = float((_above(one, ordinary) > threshold).mean())
            result[f"told_{kind}_interval"] = float((one.low_m > BASELINE_MOST).mean())
    return result


def _above(dates: Scored, ordinary: Scored | None = None) -> NDArray[np.float64]:
    """How far dates read above ordinary ones of their place, themselves left out, in spreads.

    A spread counts as at least six wagons.
    """
    found = []
    for k, (read, place) in enumerate(zip(dates.read_m, dates.place, strict=True)):
        if ordinary is None:
            base = np.delete(dates.read_m, k)[np.delete(dates.place, k) == place]
        else:
            base = ordinary.read_m[ordinary.place == place]
        spread = max(float(np.std(base)), 6 * 13.92) if len(base) else np.nan
        found.append((read - np.median(base)) / spread if len(base) >= LEAST_BASELINE else np.nan)
    values = np.array(found)
    return values[np.isfinite(values)]


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
