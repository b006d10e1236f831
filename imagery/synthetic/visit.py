"""One date of a simulated place: its image, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imagery.reader import ArrayRaster
from imagery.synthetic.places import SimulatedPlace
from imagery.synthetic.season import Season
from imagery.synthetic.trains import Train

State = Literal["clear", "haze", "cirrus", "cloud", "snow", "wet"]
"""What marks a date most."""


@dataclass(frozen=True)
class Segment:
    """One train on its track."""

    start_m: float
    """Distance along the track to its first end wall."""
    end_m: float
    """Distance along the track to its last end wall."""
    cars: int
    """Its wagons."""
    colour: str
    """``blue``, ``white``, ``green``, ``other``, or ``mixed``."""


@dataclass(frozen=True)
class Truth:
    """What is true of a visit, whether its image shows it or not."""

    railcars: int
    """Wagons on the tracks."""
    occupied_track_m: float
    """Metres of track taken, gaps between coupled wagons included."""
    occupied_by_track_m: Mapping[str, float]
    """The same for each track by its id, empty tracks too."""
    segments: Mapping[str, tuple[Segment, ...]]
    """Trains of each track by its id, in order."""
    tops: tuple[str, ...]
    """Materials of the tops, each once: keys of tops.KNOWN or tops.HELD_OUT, or tops.SMOOTH."""
    state: State
    """What marks the date most."""
    snow: float
    """Share of open ground under snow."""
    wet: float
    """0 dry to 1 just rained on."""
    hidden_share: float
    """Share of the tracks under cloud or beyond the swath."""
    shaded_share: float
    """Share of the tracks in the shadow of a cloud."""
    registration_m: tuple[float, float]
    """How far the image lies east and south of its place."""


@dataclass(frozen=True, eq=False)
class Visit:
    """One date of one place."""

    scene_id: str
    """That of the raster's scene."""
    day: date
    """UTC."""
    raster: ArrayRaster
    """Reflectance, and classes as band ``SCL``; its scene says that it is simulated."""
    truth: Truth
    """What is true of it."""


def along_tracks(place: SimulatedPlace) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """10 m pixels along the tracks (rows, cols), a point every five metres."""
    layout = place.frame.tracks
    along = [layout.at(i, np.arange(0, layout.length_m(i), 5.0)) for i in range(len(place.tracks_m))]
    cell = np.floor(np.concatenate(along) / 10.0).astype(np.intp)
    return cell[:, 1], cell[:, 0]


def truth_of(
    place: SimulatedPlace,
    trains: Sequence[Train],
    season: Season,
    state: State,
    registration_m: tuple[float, float],
    hidden_share: float = 0.0,
    shaded_share: float = 0.0,
) -> Truth:
    """What is true of a date on which these trains stand there; the rest as Truth says."""
    ids = [track.id for track in place.site.tracks]
    segments: dict[str, tuple[Segment, ...]] = dict.fromkeys(ids, ())
    for train in trains:
        one = Segment(train.start_m, train.end_m, len(train.tops), train.colour)
        segments[ids[train.track]] += (one,)
    occupied = {id: sum(one.end_m - one.start_m for one in own) for id, own in segments.items()}
    return Truth(
        railcars=sum(len(train.tops) for train in trains),
        occupied_track_m=sum(occupied.values()),
        occupied_by_track_m=occupied,
        segments=segments,
        tops=tuple(sorted({top for train in trains for top in train.tops})),
        state=state,
        snow=season.snow,
        wet=season.wet,
        hidden_share=hidden_share,
        shaded_share=shaded_share,
        registration_m=registration_m,
    )
