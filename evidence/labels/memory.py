"""Counts of one site held against each other: what never moved is no wagon, but stays within the interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evidence.ledger import Outcome
from models.measurement import Measurement
from models.wagons.count import count
from models.wagons.memory import Opener, Visit, fixtures


def remember(outcomes: Sequence[Outcome], openers: Mapping[str, Opener]) -> list[Outcome]:
    """Take fixtures out of the counts of each site that was seen often enough.

    A parked rake looks like a fixture, so each upper end is raised by what was taken out. Where a site has
    fixtures all its counts say so in their method, those of dates that show none too: one yardstick.

    Args:
        outcomes: Every scene's end state.
        openers: Opens a scene again, by its id.

    Returns:
        As many outcomes, in the same order.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, outcome in enumerate(outcomes):
        found, taken = outcome.detections, outcome.taken_at
        if outcome.site and found is not None and taken is not None and found.grid.crs is not None:
            groups[outcome.site, outcome.measurements[0].method].append(i)
    result = list(outcomes)
    for group in groups.values():
        group.sort(key=lambda i: (outcomes[i].taken_at, outcomes[i].scene_id))
        visits = [
            Visit(taken, found, openers[outcome.scene_id])
            for outcome in (outcomes[i] for i in group)
            if (taken := outcome.taken_at) is not None and (found := outcome.detections) is not None
        ]
        flags = fixtures(visits)
        if any(flag.any() for flag in flags):
            for i, flag in zip(group, flags, strict=True):
                result[i] = without(outcomes[i], flag)
    return result


def without(outcome: Outcome, fixed: NDArray[np.bool_]) -> Outcome:
    """A counted outcome whose fixtures (n,) are dropped and carried in the upper ends."""
    found = outcome.detections
    assert found is not None
    old, dropped = outcome.measurements[0], found.take(fixed)
    kept = count(found.take(~fixed), old.visible_share, old.level, old.method)
    tarped = np.array([tarp != "none" for tarp in dropped.tarps], dtype=bool)
    blue = np.array([tarp == "blue" for tarp in dropped.tarps], dtype=bool)
    raised = {
        "railcars": float(len(dropped)),
        "tarped_railcars": float(tarped.sum()),
        "blue_tarped_railcars": float(blue.sum()),
        "occupied_track_m": float(dropped.boxes[:, 2].sum() * dropped.gsd_m),
    }

    def widened(one: Measurement) -> Measurement:
        return replace(one, high=one.high + raised[one.quantity], method=f"{one.method}, memory")

    return replace(outcome, measurements=tuple(map(widened, kept)), detections=found.take(~fixed))
