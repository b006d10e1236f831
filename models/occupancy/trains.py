"""Trains on tracks in images of 2 to 5 m: where each begins and ends, how long it is, and its colour.

At 3 m a wagon is a pixel wide and the next track two pixels away: single wagons are lost, trains are not. All
tracks of a yard are fitted together, because neighbours leak and throw shadows into each other's pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.alignment.align import Shift
from imagery.alignment.frames import off_tracks
from imagery.errors import InputError
from imagery.grid import pixel_to_lonlat
from imagery.tiles import Tile
from imagery.visibility import share_of_tracks
from models.measurement import Measurement, Skip
from models.occupancy.bare import level_look, usual_look
from models.occupancy.blocks import Costs
from models.occupancy.cells import optical_bands
from models.occupancy.composed import Picture
from models.occupancy.fit import Fit
from models.occupancy.limits import WAGON_LENGTH_M, WAGON_LENGTHS_M
from models.occupancy.sight import Sight

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

METHOD = "trains"
COARSEST_M = 5.0
"""Coarser pixels do not part a track from the next."""
LEAST_SEEN = 0.6
"""Share of the tracks that must be seen."""
SNOW_SHARE = 0.3
"""Share of the tracks under snow, by the image's own classes, from which a date is skipped."""
YARD_M = 15.0
"""Ground nearer to a track is not used to compare the light of dates."""
_SNOW_CLASS = 11


@dataclass(frozen=True, eq=False)
class Train:
    """One train on one track."""

    track: str
    """Id of the track."""
    start_m: float
    """Distance along the track, in the direction it is drawn, to the train's first end."""
    end_m: float
    """The same to its other end."""
    low_m: float
    """Lower end of the interval of its length."""
    high_m: float
    """Upper end of the interval of its length."""
    colour: str
    """Of most of its wagons from above: blue, white, green, other, or mixed. Never the contents."""
    bridged_m: float
    """Of its length, metres in gaps too short to be told from dark wagons."""
    line: Floats
    """(n, 2) its course: longitude and latitude (WGS 84), or pixels of an image without a map position."""
    placed: bool = True
    """Whether the course is in longitude and latitude."""

    def __post_init__(self) -> None:
        if not self.low_m <= self.length_m <= self.high_m:
            raise InputError(
                f"train on {self.track!r}: length {self.length_m} is not within {self.low_m} to {self.high_m}"
            )
        self.line.setflags(write=False)

    @property
    def length_m(self) -> float:
        """Metres between its ends."""
        return self.end_m - self.start_m


def find_trains(
    tile: Tile,
    good: Mask,
    tracks: Sequence[tuple[str, Floats]],
    others: Sequence[tuple[Tile, Mask]],
    shift: Shift,
    level: float = 0.9,
) -> tuple[tuple[Train, ...], tuple[Measurement, ...]] | Skip:
    """Find the trains of one image of 2 to 5 m.

    Args:
        tile: The image about the tracks.
        good: (rows, cols) which pixels can be believed.
        tracks: Id and axis (n, 2) in pixels of the tile, each.
        others: Other dates on the tile's grid and on one frame, the nearest in season first, with what can be
            believed of them; with fewer than four the empty yard is guessed from the image itself.
        shift: Where the image lies on that frame, and so on the tracks.
        level: Nominal coverage of the intervals.

    Returns:
        The trains in the order of the tracks, and the measurements; or why there are none.
    """
    by = np.array([shift.dx_px, shift.dy_px])
    roles, lines = optical_bands(tile), [line + by for _, line in tracks]
    seen = _unusable(tile, good, roles, lines)
    if isinstance(seen, Skip):
        return seen
    bands = [tile.bands[index] for index in roles.values()]
    off_yard = off_tracks(good.shape, lines, YARD_M / tile.gsd_m)
    usual = usual_look(tile, good, others, bands, off_yard, shift)
    known = good if usual is None else good & np.isfinite(usual.pixels).all(axis=0)
    # Other dates may show the surroundings and not the tracks.
    if usual is None or share_of_tracks(known, tile.grid, list(lines)) < LEAST_SEEN:
        bare, sight = level_look(tile, good, bands, ~off_tracks(good.shape, lines, 1.0)), Sight(seen)
    else:
        bare, sight = usual.pixels, Sight(seen, usual.dates, usual.unrest, usual.bright)
    pixels = np.stack([tile.band(band) for band in bands]).astype(np.float64)
    unit = _unit(bare)
    picture = Picture(tile, tuple(roles), pixels * unit, bare * unit, good, off_yard, usual is None)
    fit = Fit(picture, lines, Costs())
    fit.run()
    trains = _trains(fit, tracks, sight, level)
    return trains, measured(trains, sight, sum(fit.footprint.lengths_m), level)


def _unusable(tile: Tile, good: Mask, roles: dict[str, int], lines: Sequence[Floats]) -> Skip | float:
    """Why an image cannot be read, or the share of the tracks that is seen."""
    if not roles:
        return Skip("no-method", f"no optical band among {', '.join(tile.bands)}")
    seen = share_of_tracks(good, tile.grid, list(lines))
    if seen < LEAST_SEEN:
        inside = share_of_tracks(tile.valid, tile.grid, list(lines))
        if inside < LEAST_SEEN:
            return Skip("outside-image", f"{inside:.0%} of the tracks lie inside the image; 60 % are needed")
        return Skip("clouded", f"{seen:.0%} of the tracks are seen through cloud or gaps; 60 % are needed")
    if tile.has(["SCL"]):
        snow = share_of_tracks(tile.band("SCL") == _SNOW_CLASS, tile.grid, list(lines))
        if snow > SNOW_SHARE:
            return Skip("snow", f"{snow:.0%} of the tracks lie under snow by the image's own classes")
    return seen


def _unit(bare: Floats) -> float:
    """Digital numbers are scaled as if their yard were ballast; reflectance stays."""
    usual = float(np.nanmedian(bare))
    return 1.0 if 0.02 <= usual <= 0.6 else 0.13 / max(usual, 1e-6)


def _trains(fit: Fit, tracks: Sequence[tuple[str, Floats]], sight: Sight, level: float) -> tuple[Train, ...]:
    result = []
    grid = fit.view.tile.grid
    for one in fit.found():
        id, line = tracks[one.track]
        low, high = sight.interval("length", one.stop_m - one.start_m, level)
        whole = fit.footprint.lengths_m[one.track]
        course = _part(line, one.start_m / whole, one.stop_m / whole)
        placed = grid.crs is not None
        course = pixel_to_lonlat(grid, course) if placed else course
        colour = colour_of(one.tops, fit.view.roles)
        result.append(Train(id, one.start_m, one.stop_m, low, high, colour, one.bridged_m, course, placed))
    return tuple(result)


def _part(line: Floats, start: float, stop: float) -> Floats:
    """The stretch of a line (n, 2) between two shares of its length."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at /= at[-1]
    where = np.concatenate([[start], at[(at > start) & (at < stop)], [stop]])
    return np.stack([np.interp(where, at, axis) for axis in line.T], axis=1)


def colour_of(tops: Floats, roles: Sequence[str]) -> str:
    """What a person would call a train from above, by the reflectance (wagons, bands) of its parts.

    Returns:
        The name that fits nine tenths of the parts, else ``mixed``; without blue, green and red ``other``.
    """
    if not {"blue", "green", "red"} <= set(roles):
        return "other"
    blue, green, red = (tops[:, list(roles).index(role)] for role in ("blue", "green", "red"))
    least, most = np.minimum(np.minimum(blue, green), red), np.maximum(np.maximum(blue, green), red)
    names = np.select(
        [
            (least > 0.3) & (most < 1.35 * least),
            (blue > 1.2 * green) & (blue > 1.3 * red),
            green > 1.25 * np.maximum(blue, red),
        ],
        ["white", "blue", "green"],
        "other",
    )
    kinds, counts = np.unique(names, return_counts=True)
    return str(kinds[counts.argmax()]) if counts.max() >= 0.9 * len(names) else "mixed"


def occupied_m(trains: Sequence[Train]) -> float:
    """Metres under wagons: lengths, with half of what could be gaps."""
    return sum(train.length_m - train.bridged_m / 2 for train in trains)


def measured(
    trains: Sequence[Train], sight: Sight, total_m: float, level: float = 0.9
) -> tuple[Measurement, ...]:
    """What the trains of an image add up to.

    ``train_length_m`` is given once a train, since published lengths are of one train of several; 0 where
    there is none.

    Args:
        trains: Of one image.
        sight: How well it can be judged.
        total_m: Length of all tracks.
        level: Nominal coverage of the intervals.
    """
    metres = occupied_m(trains)
    seen, gate = sight.seen, sight.gate
    share = max(seen, 1e-6)
    low, high = sight.interval("metres", metres, level)
    whole = max(min(metres / share, total_m), metres)
    high = max(min(high / share, total_m), whole)
    fewest, most = sight.interval("trains", float(len(trains)), level)
    longest = sight.interval("length", 0.0, level)[1]
    lengths = [(train.length_m, train.low_m, train.high_m) for train in trains] or [(0.0, 0.0, longest)]
    return (
        Measurement("occupied_track_m", whole, min(low, whole), high, level, "m", METHOD, seen, gate),
        Measurement(
            "railcar_equivalents",
            whole / WAGON_LENGTH_M,
            min(low, whole) / WAGON_LENGTHS_M[1],
            high / WAGON_LENGTHS_M[0],
            level,
            "railcars",
            METHOD,
            seen,
            gate,
        ),
        Measurement("trains", len(trains), fewest, most / share, level, "trains", METHOD, seen, gate),
        *(Measurement("train_length_m", *one, level, "m", METHOD, seen, gate) for one in lengths),
    )
