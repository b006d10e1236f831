"""Nothing happens: how many published claims a run would support all the same, over 20 seeds.

python -m benchmarks.occupancy_rows.quiet

SIMULATED, and without pixels: the stories of configs/simulate/quiet.yaml with other seeds, read with the
error of readings.py on the days that the scenario has pictures of, 60 % of the coarse ones left by clouds. A
support is wrong where the true counts of every single day do not support the claim: chance traffic rises too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.occupancy_rows.readings import CAR_M, COARSE, FINE, read
from evidence.claims import Claim, load_claims
from evidence.verdicts.verdict import judge
from imagery.period import Period
from imagery.sites import load_site
from imagery.synthetic.chance import stream
from imagery.synthetic.frame import frame_of
from imagery.synthetic.scenario import Scenario, SitePlan, load_scenario
from imagery.synthetic.story import Day, Story
from imagery.synthetic.world import overpass_days
from models.stats.series import Series

ROOT = Path(__file__).resolve().parents[2]
DATA = (
    "SIMULATED readings without pixels of configs/simulate/quiet.yaml, 20 seeds, all claims of seeds/claims; "
    f"error at 10 m {COARSE[0]} cars and {COARSE[1]:.0%} of the count, as measured on the shipped net"
)
SEEDS = range(301, 321)
"""Seeds 1 to 130 and 201 to 220 were looked at when the rules for rises and appearances were made."""
SEEN = 0.6
QUANTITIES: dict[str, tuple[Callable[[Day], float], float]] = {
    "railcars": (lambda day: float(len(day.wagons)), 1.0),
    "occupied_track_m": (lambda day: sum(day.occupied_m.values()) / CAR_M, CAR_M),
    "tarped_railcars": (lambda day: float(sum(w.spec.tarp != "none" for w in day.wagons)), 1.0),
    "blue_tarped_railcars": (lambda day: float(sum(w.spec.tarp == "blue" for w in day.wagons)), 1.0),
}
"""What is true of a day in cars, and metres a car where it is read in metres."""


def rows(seeds: range = SEEDS) -> dict[str, float]:
    """Supports and wrong ones, over all seeds."""
    scenario = load_scenario(ROOT / "configs" / "simulate" / "quiet.yaml")
    claims = load_claims([ROOT / "seeds" / "claims"])
    judged = supported = surge = wrong = seeds_surge = seeds_wrong = 0
    for seed in seeds:
        measured, true = readings(scenario, seed)
        verdicts = {claim: judge(claim, measured) for claim in claims}
        found = [claim for claim, verdict in verdicts.items() if verdict.verdict == "supported"]
        false = [claim for claim in found if judge(claim, true).verdict != "supported"]
        judged += sum(verdict.verdict != "out of reach" for verdict in verdicts.values())
        supported += len(found)
        wrong += len(false)
        surge += sum(_of_the_surge(claim) for claim in found)
        seeds_surge += any(_of_the_surge(claim) for claim in found)
        seeds_wrong += bool(false)
        print(f"seed {seed}: supported {[c.id for c in found]}, wrongly {[c.id for c in false]}")
    return {
        "seeds": float(len(seeds)),
        "claims_judged": float(judged),
        "claims_supported": float(supported),
        "claims_wrongly_supported": float(wrong),
        "seeds_with_a_wrong_support": float(seeds_wrong),
        "surge_claims_supported_rightly_or_not": float(surge),
        "seeds_with_a_surge_claim_supported": float(seeds_surge),
    }


def _of_the_surge(claim: Claim) -> bool:
    """Whether it tells of the autumn's traffic: a rise, an appearance or many cars."""
    return claim.comparison in ("rises", "appears") or (claim.low or 0.0) >= 30.0


def readings(scenario: Scenario, seed: int) -> tuple[list[Series], list[Series]]:
    """What would be measured of a story told with this seed, and what is true of every day of it."""
    measured, true = [], []
    for plan in scenario.sites:
        story, site = _story(plan, seed)
        chance = stream(seed, site, "readings")
        coarse = np.array(overpass_days(plan.coarse, seed, site), dtype="datetime64[D]")
        coarse = coarse[chance.random(len(coarse)) < SEEN]
        fine = np.array(sorted(plan.fine.days if plan.fine else ()), dtype="datetime64[D]")
        span = Period(plan.coarse.first, plan.coarse.last + timedelta(days=1))
        every = np.arange(np.datetime64(span.start), np.datetime64(span.end))
        counts = _counts(story, every)
        for quantity, (_, unit_m) in QUANTITIES.items():
            at = dict(zip(every, counts[quantity], strict=True))
            close = np.array([at[day] for day in fine])
            measured.append(read(fine, close, FINE, chance, site, quantity, "strips", unit_m))
            true.append(read(every, counts[quantity], (1e-6, 0.0), chance, site, quantity, "true", unit_m))
        cars = np.array([dict(zip(every, counts["railcars"], strict=True))[day] for day in coarse])
        measured.append(read(coarse, cars, COARSE, chance, site))
        measured.append(read(coarse, cars, COARSE, chance, site, "occupied_track_m", "profile", CAR_M))
    return measured, true


def _story(plan: SitePlan, seed: int) -> tuple[Story, str]:
    frame = frame_of(load_site(plan.site), plan.margin_m)
    tracks = {one.id: frame.tracks.length_m(i) for i, one in enumerate(frame.site.tracks)}
    return Story(plan, frame.site.id, tracks, seed), frame.site.id


def _counts(story: Story, days: NDArray[np.datetime64]) -> dict[str, NDArray[np.float64]]:
    told = [story.on(day) for day in days.tolist()]
    return {name: np.array([of(day) for day in told]) for name, (of, _) in QUANTITIES.items()}


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
