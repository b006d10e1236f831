"""Bare fields read as if trains had been looked for: what is measured and called changed where nothing runs.

Pretend yards lie across real fields, and every overpass is read as a run reads it: on the frame of its
other dates, by the net (``learned``, what a run reports), gated, and by the simple method that stands beside
it (``profile``). Whatever is read is false.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.alignment.frames import Frames, frame
from imagery.period import Period
from imagery.tiles import Tile
from models.measurement import PASS, Measurement, Skip
from models.occupancy import occupied, profile
from models.occupancy.filled import METHOD as LEARNED
from models.occupancy.filled import filled
from models.occupancy.views import read_view
from models.stats.baseline import baseline_of
from models.stats.change import change_of
from models.stats.series import Series

NOMINAL = 0.05
LEVEL = 0.9
"""Of the intervals: the lower end lies above the truth by chance on one date in twenty."""
SEED = 20_231_005
YARDS, TRACKS, LENGTH_M, APART_M = 12, 8, 400.0, 4.7
DRAWS = 2_000
LAYOUT = f"{YARDS} pretend yards of {TRACKS} tracks of {LENGTH_M:.0f} m, {APART_M} m apart"
WHAT = (
    "Low end above 0: the measurement itself says that trains stand on bare ground; its range (95 %) comes "
    "from drawing overpasses anew, as all yards see the same ones. By effect: the lower end of the effect's "
    "interval above zero. By rank: rank p-value at most 0.05; each date against all others of its place "
    "makes the largest of n the only one that can pass, so that this rate is about 1/n by construction. "
    "Nothing was chosen on these dates but one rule: the lower end of `profile` lies above 0 only where a "
    "date reads more than nearly all others of its place; its first rate is at most 5 % by construction, too."
)

Lines = list[tuple[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class Read:
    """One overpass of one pretend yard by one method."""

    yard: int
    """Which yard."""
    when: datetime
    """UTC."""
    metres: Measurement
    """Occupied metres of track; the truth is 0."""


def yards(shape: tuple[int, int], gsd_m: float, rng: np.random.Generator) -> list[Lines]:
    """Parallel straight tracks across the fields, wholly inside, in pixels."""
    found = []
    for _ in range(YARDS):
        heading = rng.uniform(0, np.pi)
        along = np.array([np.cos(heading), np.sin(heading)])
        across = np.array([-along[1], along[0]])
        centre = np.array(shape[::-1]) / 2 + rng.uniform(-60, 60, 2) / gsd_m
        lines: Lines = []
        for k in range(TRACKS):
            middle = centre + across * (k - (TRACKS - 1) / 2) * APART_M / gsd_m
            ends = np.stack([middle - along * LENGTH_M / 2 / gsd_m, middle + along * LENGTH_M / 2 / gsd_m])
            lines.append((f"t{k}", ends))
        found.append(lines)
    return found


def false_alarms(tiles: list[Tile]) -> dict[str, Any]:
    """What each method reads on every overpass of every pretend yard, and what is called changed."""
    rows, cols = tiles[0].valid.shape
    reads: dict[str, list[Read]] = {LEARNED: [], profile.METHOD: []}
    for number, lines in enumerate(yards((rows, cols), tiles[0].gsd_m, np.random.default_rng(SEED))):
        for tile, metres in read_yard(tiles, lines):
            if tile.scene.taken_at is not None:
                reads[metres.method].append(Read(number, tile.scene.taken_at, metres))
    gated = [one for one in reads[LEARNED] if one.metres.gate == PASS]
    return {
        "nominal": NOMINAL,
        "layout": LAYOUT,
        "what": WHAT,
        "methods": {
            f"{LEARNED}, gated: what a run reports": rates(gated),
            f"{LEARNED}, all dates": rates(reads[LEARNED]),
            f"{profile.METHOD}, a cross-check": rates(reads[profile.METHOD]),
        },
    }


def read_yard(tiles: list[Tile], lines: Lines) -> list[tuple[Tile, Measurement]]:
    """Occupied metres on every overpass that can be measured, by both methods, as a run reads them."""
    by_id = {tile.scene.id: tile for tile in tiles}
    frames = Frames([tile.scene for tile in tiles])
    axes = [line for _, line in lines]
    profiles, views = [], []
    for tile in tiles:
        framed = frame(tile, axes, frames, "fields", lambda scene, bands: by_id.get(scene.id))
        by = np.array([framed.shift.dx_px, framed.shift.dy_px])
        profiles.append(profile.read_profile(tile, framed.good, [(id, at + by) for id, at in lines]))
        view = read_view(tile, framed.good, axes, framed.shift)
        assert view is not None, "the fields have optical bands and hold the tracks"
        views.append(view)
    simple = [found for _, found in occupied.occupied(profiles, LEVEL)]
    net = [one if isinstance(one, Skip) else one.measurements for one in filled(views, LEVEL)]
    return [
        (tile, next(one for one in found if one.quantity == "occupied_track_m"))
        for results in (simple, net)
        for tile, found in zip(tiles, results, strict=True)
        if not isinstance(found, Skip)
    ]


def rates(reads: list[Read]) -> dict[str, Any]:
    """Shares of the dates that say what is not so."""
    lows = np.array([one.metres.low > 0 for one in reads])
    days = np.array([one.when.toordinal() for one in reads])
    changed = [called(series_of([one for one in reads if one.yard == yard])) for yard in range(YARDS)]
    by_rank, by_effect = (sum(counts) for counts in zip(*changed, strict=True))
    values = np.array([one.metres.value for one in reads])
    return {
        "dates": len(reads),
        "low_above_0_share": float(lows.mean()),
        "low_above_0_range": resampled(lows, days),
        "by_effect_share": by_effect / len(reads),
        "by_rank_share": by_rank / len(reads),
        "read_m_median": float(np.median(values)),
        "read_m_p95": float(np.percentile(values, 95)),
        "interval_m_median": float(np.median([one.metres.high - one.metres.low for one in reads])),
    }


def resampled(hits: NDArray[np.bool_], days: NDArray[np.int_]) -> list[float]:
    """95 % range of the share of hits when whole overpasses are drawn anew."""
    _, index = np.unique(days, return_inverse=True)
    per_day = np.stack([np.bincount(index, hits), np.bincount(index)])
    drawn = np.random.default_rng(SEED).integers(0, per_day.shape[1], (DRAWS, per_day.shape[1]))
    found, all_ = per_day[:, drawn].sum(axis=2)
    return [float(end) for end in np.percentile(found / all_, [2.5, 97.5])]


def series_of(reads: list[Read]) -> Series:
    """Occupied metres of one yard."""
    return Series(
        "fields",
        "occupied_track_m",
        "m",
        LEVEL,
        np.array([one.when.replace(tzinfo=None) for one in reads], dtype="datetime64[s]"),
        *(np.array([getattr(one.metres, end) for one in reads]) for end in ("value", "low", "high")),
        tuple(one.when.isoformat() for one in reads),
        tuple(one.metres.method for one in reads),
    )


def called(series: Series) -> tuple[int, int]:
    """Dates of a quiet place that are called risen at the nominal level, by rank and by effect."""
    by_rank = by_effect = 0
    for time_ in series.times:
        day = time_.astype("datetime64[D]").astype(object)
        target = Period(day, day + timedelta(days=1))
        change = change_of(series, target, baseline_of(series, target, both_sides=True))
        by_rank += change.p_rank <= NOMINAL
        by_effect += change.effect_low > 0
    return by_rank, by_effect


def table(found: dict[str, Any]) -> list[str]:
    """For the page."""
    lines = [
        f"Bare fields read as yards ({found['layout']}; nominal {found['nominal']:.0%} in each share):",
        "",
        "| | dates | low end above 0 (range) | by effect | by rank | read, m: median, 95 % | interval, m |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in found["methods"].items():
        low, high = row["low_above_0_range"]
        cells = (
            name,
            str(row["dates"]),
            f"{row['low_above_0_share']:.1%} ({low:.0%} to {high:.0%})",
            f"{row['by_effect_share']:.1%}",
            f"{row['by_rank_share']:.1%}",
            f"{row['read_m_median']:.0f}, {row['read_m_p95']:.0f}",
            f"{row['interval_m_median']:.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", found["what"]]
