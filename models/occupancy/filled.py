"""Occupied metres and railcar equivalents of coarse optical dates, as the trained net reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.measurement import PASS, Measurement, Skip
from models.occupancy.corridor import Corridor, Rails
from models.occupancy.differ import Difference, differences
from models.occupancy.fillmap import FillMap, fill_map
from models.occupancy.gate import gate
from models.occupancy.intervals import Calibration
from models.occupancy.limits import WAGON_LENGTH_M
from models.occupancy.reading import Reading
from models.occupancy.registry import WEIGHTS, reader
from models.occupancy.views import View

METHOD = "learned"


@dataclass(frozen=True, eq=False)
class Filled:
    """What was read from one date."""

    measurements: tuple[Measurement, ...]
    """Metres and railcar equivalents."""
    map: FillMap
    """Where on the tracks they are."""


def filled(views: Sequence[View], level: float = 0.9, weights: Path = WEIGHTS) -> list[Filled | Skip]:
    """Read every date against the others of its place.

    Dates are compared only with dates of the same frame and bands. Those that do not pass the gate are read
    too, with the wider intervals of their kind.

    Args:
        views: Dates of one place.
        level: Nominal coverage of the intervals.
        weights: Folder of the net and its calibration.

    Returns:
        Metres and railcar equivalents with their map, or why there are none; in the order given.

    Raises:
        UnreadableError: The weights are absent or damaged.
    """
    undated = Skip("no-date", "occupancy is read against other dates, and this image has none")
    results: list[Filled | Skip] = [undated] * len(views)
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for index, view in enumerate(views):
        if view.taken_at is not None:
            groups[view.frame, view.bands, len(view.lines_px)].append(index)
    for members in groups.values():
        found = differences([views[k] for k in members])
        for index, result in zip(members, found, strict=True):
            if isinstance(result, Skip):
                results[index] = result
        read = [(k, one) for k, one in zip(members, found, strict=True) if isinstance(one, Difference)]
        if read:
            net, calibration = reader(weights)
            first = views[members[0]]
            rows, cols = first.grid.shape
            corridor = Corridor.of(Rails.of(first.lines_px, first.metres_px), (rows, cols))
            for (index, one), reading in zip(read, net.read([one for _, one in read]), strict=True):
                shown = fill_map(first.grid, corridor, one, reading)
                results[index] = Filled(_measured(one, reading, calibration, level), shown)
    return results


def _measured(
    one: Difference, reading: Reading, calibration: Calibration, level: float
) -> tuple[Measurement, ...]:
    rule = gate(one)
    metres = calibration.interval(reading, rule == PASS, one.total_m, level)
    cars = calibration.interval_cars(reading, rule == PASS, one.total_m, level)
    kinds = (
        ("occupied_track_m", "m", reading.metres, metres),
        ("railcar_equivalents", "railcars", reading.metres / WAGON_LENGTH_M, cars),
    )
    seen = min(one.seen_share, 1.0)
    return tuple(
        Measurement(quantity, value, low, high, level, unit, METHOD, seen, rule)
        for quantity, unit, value, (low, high) in kinds
    )
