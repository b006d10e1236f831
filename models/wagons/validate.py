"""Painted images that no training saw: how well wagons are found in them, and the calibration of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from imagery.whole import written
from models.axes.strips import frame_along
from models.detections import Detections, Detector
from models.wagons.calibrate import (
    FEATURES,
    Calibration,
    Counted,
    features,
    fit_count,
    fit_score,
    left_out,
    probabilities,
)
from models.wagons.data import Chip
from models.wagons.infer import LEAST_SCORE
from models.wagons.pool import painted_chip
from models.wagons.score import Matches, match

SEED = 900_001
"""Far from every training seed."""
GSDS = (0.2, 0.3, 0.5, 0.7, 0.9, 1.2)
"""At which counts are calibrated."""
BARE_WEIGHT = 8
"""How often each box on bare ground counts: nearly all ground is bare. On the calibration's own grounds 17
false alarms became 15, and .4 % of the right boxes were lost; 16 costs twice that."""
FRAME_M = 300.0
"""Longest side of a painted image on the ground: a large yard."""


@dataclass(frozen=True, eq=False)
class Case:
    """What was found in one image, before any threshold."""

    gsd_m: float
    """Of the image."""
    mapped: bool
    """Whether its tracks were given."""
    true: int
    """Wagons in the image."""
    x: NDArray[np.float64]
    """(n, len(FEATURES)) of each box."""
    right: NDArray[np.bool_]
    """(n,) whether each box overlaps a wagon of its own by at least 0.3."""


def painted(
    gsd_m: float, count: int, grounds: Sequence[Chip] = (), seed: int = SEED, off_m: float = 0.5
) -> Iterator[tuple[Chip, list[NDArray[np.float64]]]]:
    """Painted images with their axes moved sideways, as a map's are.

    Args:
        gsd_m: Of the images.
        count: How many.
        grounds: Real grounds of sites held out from training.
        seed: Of the painter.
        off_m: Standard deviation of the sideways error; never above 1.5 m.
    """
    rng = np.random.default_rng([seed, round(gsd_m * 1000)])
    for _ in range(count):
        chip = painted_chip(rng, grounds, min(512, round(FRAME_M / gsd_m)), gsd_m)
        lines = []
        for line in chip.tracks:
            frame = frame_along(line, chip.gsd_m)
            off = np.full(len(frame), np.clip(rng.normal(0, off_m), -1.5, 1.5))
            lines.append(frame.shifted(off))
        yield chip, lines


def cases(
    detector: Detector, chips: Iterable[tuple[Chip, list[NDArray[np.float64]]]], mapped: bool
) -> Iterator[Case]:
    """Run a detector, with the axes or without, and mark which boxes are right."""
    for chip, lines in chips:
        found = detector.detect(chip.raster(), lines if mapped else ())
        pairs = held_against(found, chip, 0.3)
        right = np.zeros(len(found), dtype=bool)
        right[pairs.pairs[:, 0]] = True
        kept = ~pairs.left_out
        yield Case(chip.gsd_m, mapped, pairs.true, features(found.take(kept)), right[kept])


def held_against(found: Detections, chip: Chip, iou: float) -> Matches:
    """Boxes paired with the chip's wagons; one with its middle outside is neither right nor wrong."""
    rows, cols = chip.valid.shape
    inside = ((chip.boxes[:, :2] >= 0) & (chip.boxes[:, :2] < [cols, rows])).all(axis=1)
    doubtful = Detections(found.grid, chip.boxes[~inside], np.ones(int((~inside).sum()))).polygons()
    return match(found, chip.boxes[inside], iou, shapely.union_all(doubtful))


def kept(path: Path, make: Callable[[], Iterable[Case]]) -> list[Case]:
    """Cases from a file, or made and written there: detecting takes long, fitting does not.

    Args:
        path: An ``.npz``.
        make: Called where there is none.
    """
    if not path.exists():
        runs = list(make())
        sizes = [len(run.right) for run in runs]
        heads = [(run.gsd_m, run.mapped, run.true) for run in runs]
        x = np.concatenate([np.empty((0, len(FEATURES))), *(run.x for run in runs)])
        right = np.concatenate([np.empty(0, dtype=bool), *(run.right for run in runs)])
        with written(path) as part, part.open("wb") as stream:
            np.savez(stream, sizes=sizes, heads=np.array(heads).reshape(-1, 3), x=x, right=right)
    with np.load(path) as file:
        ends = np.cumsum(file["sizes"]).astype(int)[:-1]
        # not strict: nothing splits into one empty part
        parts = zip(file["heads"], np.split(file["x"], ends), np.split(file["right"], ends), strict=False)
        return [Case(float(h[0]), bool(h[1]), int(h[2]), x, right) for h, x, right in parts]


def calibrate(
    runs: Sequence[Case], bare: Sequence[Case], about: str, say: Callable[[str], None] = print
) -> Calibration:
    """Fit the probability of a box and the count of an image to runs at several GSDs.

    Args:
        runs: Of painted images not trained on; those of one GSD share its exact value.
        bare: Of real ground without wagons, not trained on either: every box is wrong.
        about: On which images, for the record.
        say: Told of the fit.
    """
    boxes = [*runs, *(list(bare) * BARE_WEIGHT)]
    score = fit_score(np.concatenate([run.x for run in boxes]), np.concatenate([run.right for run in boxes]))
    models, residuals = [], []
    for gsd, mapped in sorted({(run.gsd_m, run.mapped) for run in runs}):
        group = [run for run in runs if (run.gsd_m, run.mapped) == (gsd, mapped)]
        of = Counted.of([given(score, run.x) for run in group])
        true = np.array([float(run.true) for run in group])
        models.append(fit_count(gsd, mapped, of, true))
        residuals += left_out(gsd, mapped, of, true)
        say(f"{len(group)} images: {models[-1]}")
    return Calibration(score, tuple(models), tuple(round(value, 4) for value in sorted(residuals)), about)


def given(score: Sequence[float], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities of those boxes of an image that a detector would give."""
    probability = probabilities(score, x)
    return probability[probability >= LEAST_SCORE]


def bare_ground(grounds: Iterable[Chip]) -> Iterator[tuple[Chip, list[NDArray[np.float64]]]]:
    """Grounds without wagons, as ``cases`` takes them."""
    for chip in grounds:
        yield chip, []
