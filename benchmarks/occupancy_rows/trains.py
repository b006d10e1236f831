"""Trains in 3 m images: found, how long, metres and wagons; whether the intervals hold.

    python -m benchmarks.occupancy_rows.trains [--calibrate]

``--calibrate`` writes models/weights/trains.json from its own yards instead.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from imagery.alignment.frames import Frames, Look, frame
from imagery.scenes import Scene
from imagery.sites import Lines
from imagery.synthetic.places import random_place
from imagery.synthetic.tops import Stock
from imagery.synthetic.visits import Segment, Visit, typical_cars, visits
from imagery.tiles import Tile
from imagery.tracks import tracks_in_pixels
from models.measurement import PASS, Measurement, Skip
from models.occupancy.fit import RESOLVED_GAP_M
from models.occupancy.limits import WAGON_LENGTH_M
from models.occupancy.sight import WEIGHTS, Sight
from models.occupancy.trains import Train, find_trains, occupied_m

PLACES = 8
DATA = (
    f"{PLACES} simulated yards (SIMULATED, seed 500), 4 dates each of 0 to 100 wagons beside 8 ordinary "
    "ones, in any weather; unseen: as many others (seed 600) with tops kept for tests; trains less than "
    f"{RESOLVED_GAP_M:.0f} m apart are one; wagons of 13.92 m"
)
KNOWN, UNSEEN, CALIBRATION = 500, 600, 400
LEVEL = 0.9
ORDINARY, BUSY = 8, 4
LEAST_IOU = 0.5
Span = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Read:
    """One date that was read."""

    trains: tuple[Train, ...]
    measurements: dict[str, Measurement]
    truth: dict[str, list[Span]]
    cars: int
    metres: float

    @property
    def passed(self) -> bool:
        """Whether the date passes its gate."""
        return self.measurements["trains"].gate == PASS


def dates(seed: int, k: int, stock: Stock) -> Iterator[tuple[Read | Skip, Read | Skip]]:
    """The busy dates of one place, each beside the others and as if there were no others."""
    rng = np.random.default_rng([seed, k])
    place = random_place(rng, 3.0)
    offsets = np.sort(rng.choice(np.arange(700), ORDINARY + BUSY, replace=False))
    days = [date(2021, 1, 5) + timedelta(days=int(offset)) for offset in offsets]
    busy = set(rng.choice(len(days), BUSY, replace=False).tolist())
    cars = [int(rng.integers(0, 101)) if i in busy else typical_cars(rng, day) for i, day in enumerate(days)]
    seen = list(visits(place, rng, days, stock=stock, cars=cars, sensor="planetscope"))
    tracks = tracks_in_pixels(place.site, seen[0].raster.grid)
    tiles = {visit.scene_id: visit.raster.read() for visit in seen}

    def look(scene: Scene, bands: Sequence[str]) -> Tile:
        tile = tiles[scene.id]
        there = tuple(band for band in bands if band in tile.bands)
        return Tile(np.stack([tile.band(band) for band in there]), tile.valid, tile.grid, there, scene)

    frames = Frames([visit.raster.scene for visit in seen])
    for i in sorted(busy):
        tile = tiles[seen[i].scene_id]
        yield _read(seen[i], tile, tracks, frames, look), _read(seen[i], tile, tracks, Frames(()), look)


def _read(visit: Visit, tile: Tile, tracks: Lines, frames: Frames, look: Look) -> Read | Skip:
    framed = frame(tile, [line for _, line in tracks], frames, "here", look)
    others = [(other.tile, other.good) for other in framed.others]
    found = find_trains(tile, framed.good, tracks, others, framed.shift, LEVEL)
    if isinstance(found, Skip):
        return found
    trains, measurements = found
    truth = {id: merged(segments) for id, segments in visit.truth.segments.items()}
    by_name = {one.quantity: one for one in measurements if one.quantity != "train_length_m"}
    return Read(trains, by_name, truth, visit.truth.railcars, visit.truth.occupied_track_m)


def merged(segments: Sequence[Segment]) -> list[Span]:
    """Trains of a track, those too near to be told apart taken as one."""
    spans: list[Span] = []
    for one in segments:
        if spans and one.start_m - spans[-1][1] < RESOLVED_GAP_M:
            spans[-1] = (spans[-1][0], one.end_m)
        else:
            spans.append((one.start_m, one.end_m))
    return spans


def matched(read: Read) -> list[tuple[Train, Span]]:
    """Found trains with the true ones that they overlap by at least half (intersection over union)."""
    pairs = []
    for track, spans in read.truth.items():
        left = list(spans)
        for train in (one for one in read.trains if one.track == track):
            overlaps = [_iou(train, span) for span in left]
            if overlaps and max(overlaps) >= LEAST_IOU:
                pairs.append((train, left.pop(int(np.argmax(overlaps)))))
    return pairs


def _iou(train: Train, span: Span) -> float:
    inside = min(train.end_m, span[1]) - max(train.start_m, span[0])
    return inside / (max(train.end_m, span[1]) - min(train.start_m, span[0]))


def figures(name: str, found: Sequence[Read | Skip]) -> dict[str, float]:
    """F1, length, wagons of 13.92 m and coverage of a set of dates."""
    reads = [one for one in found if isinstance(one, Read)]
    pairs = [pair for read in reads for pair in matched(read)]
    n_found, n_true = sum(len(r.trains) for r in reads), sum(len(s) for r in reads for s in r.truth.values())
    lengths = np.array([train.length_m - (end - start) for train, (start, end) in pairs])
    held = [train.low_m <= end - start <= train.high_m for train, (start, end) in pairs]
    error = np.array([r.measurements["occupied_track_m"].value - r.metres for r in reads]) / WAGON_LENGTH_M
    return {
        f"{name}_dates": float(len(reads)),
        f"{name}_dates_skipped": float(len(found) - len(reads)),
        f"{name}_trains_true": float(n_true),
        f"{name}_f1": 2 * len(pairs) / max(n_found + n_true, 1),
        f"{name}_precision": len(pairs) / max(n_found, 1),
        f"{name}_recall": len(pairs) / max(n_true, 1),
        f"{name}_recall_from_40_m": _recall(reads, 40.0),
        f"{name}_length_median_error_m": float(np.median(np.abs(lengths))),
        f"{name}_length_bias_m": float(lengths.mean()),
        f"{name}_length_coverage": float(np.mean(held)),
        f"{name}_mae_cars": float(np.abs(error).mean()),
        f"{name}_bias_cars": float(error.mean()),
        f"{name}_coverage_metres": _coverage(reads, "occupied_track_m", [r.metres for r in reads]),
        f"{name}_coverage_railcars": _coverage(reads, "railcar_equivalents", [float(r.cars) for r in reads]),
        f"{name}_coverage_trains": _coverage(reads, "trains", [_count(r) for r in reads]),
    }


def _count(read: Read) -> float:
    return float(sum(len(spans) for spans in read.truth.values()))


def _recall(reads: Sequence[Read], least_m: float) -> float:
    true = sum(end - start >= least_m for r in reads for spans in r.truth.values() for start, end in spans)
    return sum(end - start >= least_m for r in reads for _, (start, end) in matched(r)) / max(true, 1)


def _coverage(reads: Sequence[Read], quantity: str, truths: Sequence[float]) -> float:
    intervals = [read.measurements[quantity] for read in reads]
    return float(np.mean([one.low <= true <= one.high for one, true in zip(intervals, truths, strict=True)]))


def rows() -> dict[str, float]:
    """All figures: known and unseen tops, gated and not, and all as if there were no other date."""
    known = [pair for k in range(PLACES) for pair in dates(KNOWN, k, "known")]
    unseen = [pair for k in range(PLACES) for pair in dates(UNSEEN, k, "held-out")]
    result: dict[str, float] = {}
    for name, found in (
        ("known", [beside for beside, _ in known]),
        ("unseen", [beside for beside, _ in unseen]),
        ("alone", [alone for _, alone in known + unseen]),
    ):
        gated = [one for one in found if isinstance(one, Read) and one.passed]
        result |= {f"{name}_gate_passes_share": len(gated) / len(found)}
        result |= figures(f"{name}_gated", gated) | figures(f"{name}_all", found)
    return result


def calibrate(places: int = 6) -> None:
    """Write the errors on gated dates of yards kept for this, each in units of its scale."""
    pairs = [pair for k in range(places) for pair in dates(CALIBRATION, k, "known")]
    beside, alone = zip(*pairs, strict=True)
    told = {
        "data": f"{places} simulated yards (SIMULATED, seed {CALIBRATION}), known tops, those "
        f"of {len(pairs)} dates that pass the gate, beside other dates and as if there were none",
        "scores": {"beside": scores_of(beside), "alone": scores_of(alone)},
    }
    WEIGHTS.write_text(json.dumps(told) + "\n", encoding="utf-8")


def scores_of(found: Sequence[Read | Skip]) -> dict[str, list[float]]:
    """Errors of dates that pass, in units of their scale, in order."""
    scores: dict[str, list[float]] = {"length": [], "metres": [], "trains": []}
    scale = Sight(1.0).scale
    for read in found:
        if isinstance(read, Skip) or not read.passed:
            continue
        for train, (start, end) in matched(read):
            scores["length"].append((end - start - train.length_m) / scale("length", train.length_m))
        metres, count = occupied_m(read.trains), len(read.trains)
        scores["metres"].append((read.metres - metres) / scale("metres", metres))
        scores["trains"].append((_count(read) - count) / scale("trains", count))
    return {name: sorted(round(one, 4) for one in values) for name, values in scores.items()}


if __name__ == "__main__":
    if sys.argv[1:] == ["--calibrate"]:
        calibrate()
    else:
        print(json.dumps(rows(), indent=1))
