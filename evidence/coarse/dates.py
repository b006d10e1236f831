"""Coarse dates of a place read against each other: occupied track, covers, and radar beside optical."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from evidence.ledger import Outcome, Sighting
from models.measurement import Measurement, Skip
from models.occupancy import blue, fuse, occupied, radar
from models.occupancy.filled import Filled, filled


def together(sightings: Iterable[Sighting], level: float) -> list[Outcome]:
    """End states of coarse dates, which are measured once all dates of their place are in.

    Args:
        sightings: Each holds what was read at its place.
        level: Nominal coverage of the intervals.
    """
    groups: dict[tuple[str, str], list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        groups[sighting.outcome.site, sighting.outcome.sensor].append(sighting)
    sites: dict[str, list[Outcome]] = defaultdict(list)
    for (site, _), group in groups.items():
        sites[site] += _of_one_sensor(group, level)
    return [outcome for outcomes in sites.values() for outcome in _beside_radar(outcomes)]


def _of_one_sensor(group: Sequence[Sighting], level: float) -> list[Outcome]:
    """Dates of one place and sensor: metres of track first, then what lies under covers."""
    outcomes = [sighting.outcome for sighting in group]
    profiles = [(i, s.profile) for i, s in enumerate(group) if s.profile is not None]
    for (i, _), (_, metres) in zip(profiles, occupied.occupied([p for _, p in profiles], level), strict=True):
        outcomes[i] = _ended(outcomes[i], metres)
    views = [(i, s.view) for i, s in enumerate(group) if s.view is not None]
    for (i, _), read in zip(views, filled([view for _, view in views], level), strict=True):
        outcomes[i] = _read(outcomes[i], read)
    looks = [(i, s.look) for i, s in enumerate(group) if s.look is not None and s.look.orbit]
    for (i, _), (_, metres) in zip(looks, radar.occupied([k for _, k in looks], level), strict=True):
        outcomes[i] = _ended(outcomes[i], metres)
    looks = [(i, s.look) for i, s in enumerate(group) if s.look is not None and not s.look.orbit]
    for (i, _), (_, found) in zip(looks, blue.covers([k for _, k in looks], level), strict=True):
        outcomes[i] = _covered(outcomes[i], found, level)
    return outcomes


def _beside_radar(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Optical dates of one place with the nearest radar date beside them, and fused where both agree."""
    by_radar = [(o.taken_at, o) for o in outcomes if o.taken_at and _methods(o) == {radar.METHOD}]
    moments = [moment for moment, _ in by_radar]
    result = []
    for outcome in outcomes:
        at = outcome.taken_at
        index = None if at is None or _methods(outcome) == {radar.METHOD} else fuse.nearest(at, moments)
        if at is not None and index is not None:
            moment, other = by_radar[index]
            found = fuse.pairs(outcome.measurements, other.measurements, other.scene_id, moment - at)
            agreed = [pair.fused for pair in found if pair.fused is not None]
            outcome = replace(outcome, measurements=(*outcome.measurements, *agreed), pairs=found)
        result.append(outcome)
    return result


def _methods(outcome: Outcome) -> set[str]:
    return {measurement.method for measurement in outcome.measurements}


def _ended(outcome: Outcome, result: tuple[Measurement, ...] | Skip) -> Outcome:
    if isinstance(result, Skip):
        return replace(outcome, skip=result)
    return replace(outcome, measurements=result, skip=None)


def _read(outcome: Outcome, result: Filled | Skip) -> Outcome:
    """What the net read with the profile's value beside it; the profile alone where the net cannot read."""
    if isinstance(result, Skip):
        return outcome if outcome.measurements else replace(outcome, skip=result)
    simple = {one.quantity: one.value for one in outcome.measurements}
    checked = tuple(replace(one, cross_check=simple.get(one.quantity)) for one in result.measurements)
    return replace(outcome, measurements=checked, skip=None, filled=result.map)


def _covered(outcome: Outcome, found: tuple[blue.Cover, ...] | Skip, level: float) -> Outcome:
    """A date with its covers; where its tracks could not be read, they cannot take its skip away."""
    alone = outcome.skip is not None and outcome.skip.reason == NO_TRACKS
    if isinstance(found, Skip):
        return replace(outcome, skip=found) if alone else outcome
    areas = blue.measured(found, level)
    if outcome.skip is not None and not (alone and areas):
        return outcome
    return replace(outcome, measurements=(*outcome.measurements, *areas), covers=found, skip=None)


NO_TRACKS = "no-tracks"
"""Reason of a skip that says that only covers can be measured."""
