"""What a finished net is worth: its intervals, and what comes out on places that it has not met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from models.occupancy.fillconfig import TRIED, TRIED_KINDS, FillConfig
from models.occupancy.intervals import Calibration, Trial, calibrate
from models.occupancy.lessons import school, tried
from models.occupancy.limits import WAGON_LENGTH_M
from models.occupancy.reading import FillReader
from models.occupancy.restless import restless
from models.occupancy.traffic import busier, far_top

Say = Callable[[str], None]


def calibrated(config: FillConfig, reader: FillReader, say: Say = print) -> Calibration:
    """Intervals of a reader's figures, from places that nothing was learnt from.

    Half of the busy dates are as painted; half are ordinary dates with trains added whose tops lie further
    from the known materials than any that were learnt from, so that intervals hold for other stock too. All
    are read twice, as painted and on ground as restless as real ground may be. Ordinary, busy and far dates,
    calm and restless, are kinds of their own.
    """
    rng = np.random.default_rng(config.seed)
    kinds: dict[str, list[Trial]] = defaultdict(list)
    folder, wanted = config.work / config.name / "calibrate", config.wanted(config.calibrate_busy)
    for one in school(folder, config.seed + 100, config.calibrate_places, wanted, measured=False):
        ordinary = one.take(one.group == 0)
        far = busier(ordinary, rng, config.calibrate_busy / config.ordinary, draw=far_top)
        added = far.take(np.arange(len(far)) >= len(ordinary))
        parts = {"ordinary": ordinary, "busy": one.take(one.group > 0), "far": added}
        for name, part in parts.items():
            real = replace(part, dates=tuple(restless(part.dates, rng)))
            kinds[f"{name}, calm"] += tried(part, reader.read(part.dates))
            kinds[f"{name}, restless"] += tried(real, reader.read(real.dates))
    say(f"calibrated on {sum(map(len, kinds.values()))} dates")
    return calibrate(kinds)


def tell(config: FillConfig, reader: FillReader, calibration: Calibration, say: Say = print) -> None:
    """Try the finished net on places that neither it nor its intervals have met, and say what came out."""
    trials: dict[str, list[tuple[Trial, float]]] = {kind: [] for kind in TRIED_KINDS}
    folder = config.work / config.name / "test"
    for one in school(folder, config.seed + 200, config.test_places, TRIED, measured=False):
        for group, kind in enumerate(TRIED_KINDS):
            part = one.take(one.group == group)
            trials[kind] += [(trial, one.dates[0].total_m) for trial in tried(part, reader.read(part.dates))]
    for kind, pairs in trials.items():
        gated = [(trial, total_m) for trial, total_m in pairs if trial.passed]
        if gated:
            cars = [(trial.reading.metres - trial.true_m) / WAGON_LENGTH_M for trial, _ in gated]
            ends = [calibration.interval(trial.reading, True, total_m, 0.9) for trial, total_m in gated]
            inside = [low <= t.true_m <= high for (t, _), (low, high) in zip(gated, ends, strict=True)]
            say(
                f"{kind}: {len(gated)} of {len(pairs)} dates pass, mean absolute error "
                f"{np.abs(cars).mean():.1f} wagons, bias {np.mean(cars):+.1f}, the 90 % interval holds in "
                f"{np.mean(inside):.0%}"
            )
