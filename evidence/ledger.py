"""Every scene's end state, so that zero never means no data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from imagery.alignment.align import Shift
from imagery.errors import InputError
from models.detections import Detections
from models.goods.place import Outline
from models.measurement import Measurement, Skip
from models.occupancy.blue import Cover
from models.occupancy.fillmap import FillMap
from models.occupancy.fuse import Pair
from models.occupancy.lattice import Look
from models.occupancy.profile import Profile
from models.occupancy.trains import Train
from models.occupancy.views import View
from models.stats.series import Series


@dataclass(frozen=True, eq=False)
class Outcome:
    """How one scene ended at one site: measured, or skipped with a reason."""

    scene_id: str
    """The scene, or the file name of something that never became one."""
    site: str
    """Site id, empty where none was given."""
    sensor: str
    """Key of the sensor."""
    taken_at: datetime | None
    """UTC."""
    gsd_m: float | None
    """Ground sample distance in metres, None where it could not be known."""
    simulated: bool
    """Painted, not photographed."""
    measurements: tuple[Measurement, ...] = ()
    """What was read."""
    skip: Skip | None = None
    """Why nothing was."""
    detections: Detections | None = None
    """Boxes behind a count."""
    shift: Shift | None = None
    """How a coarse image lies against other dates; None where it was not held against any."""
    given_back_px: int = 0
    """Pixels of the yard that its own classes call cloud and that were believed all the same."""
    covers: tuple[Cover, ...] = ()
    """Ground under coloured covers, by yard or track and colour."""
    goods: tuple[Outline, ...] = ()
    """Stacks in the yards and ships at the berths, in a fine image."""
    trains: tuple[Train, ...] = ()
    """Trains in an image of 2 to 5 m, in the order of the tracks."""
    pairs: tuple[Pair, ...] = ()
    """An optical date's readings beside those of the nearest radar date, agreeing or not."""
    filled: FillMap | None = None
    """Where the tracks are filled, on a coarse date that the net read."""

    def __post_init__(self) -> None:
        if bool(self.measurements) == (self.skip is not None):
            raise InputError(f"scene {self.scene_id!r} must end either measured or skipped")


@dataclass(frozen=True, eq=False)
class Sighting:
    """A scene looked at in one place: ended, or waiting for the other dates of its place."""

    outcome: Outcome
    """The end state; provisional where a profile waits."""
    profile: Profile | None = None
    """What was read along the tracks at coarse pixels."""
    look: Look | None = None
    """What was read in the yards and near the tracks at coarse pixels, optical or radar."""
    view: View | None = None
    """The pixels about the tracks of a coarse optical image."""


def series_of(outcomes: Iterable[Outcome], gated: bool = True) -> list[Series]:
    """Group measurements into one Series a site and quantity; undated scenes belong to none.

    Args:
        outcomes: End states of a run.
        gated: Leave out measurements that their method's gate keeps from being held against others.
    """
    groups: dict[tuple[str, str], list[tuple[datetime, Outcome, Measurement]]] = {}
    for outcome in outcomes:
        for measurement in outcome.measurements:
            if outcome.taken_at is not None and not (gated and measurement.gated_out):
                key = (outcome.site, measurement.quantity)
                groups.setdefault(key, []).append((outcome.taken_at, outcome, measurement))
    result = []
    for (site, quantity), rows in sorted(groups.items()):
        rows.sort(key=lambda row: (row[0], row[1].scene_id))
        result.append(
            Series(
                site,
                quantity,
                rows[0][2].unit,
                rows[0][2].level,
                np.array([row[0].replace(tzinfo=None) for row in rows], dtype="datetime64[s]"),
                np.array([row[2].value for row in rows], dtype=np.float64),
                np.array([row[2].low for row in rows], dtype=np.float64),
                np.array([row[2].high for row in rows], dtype=np.float64),
                tuple(row[1].scene_id for row in rows),
                tuple(row[2].method for row in rows),
            )
        )
    return result
