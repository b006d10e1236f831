"""Painted images that no training saw: how well wagons are found in them, and the calibration of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from models.axes.strips import frame_along
from models.detections import Detections, Detector
from models.wagons.calibrate import Calibration, features, fit_count, fit_score, left_out
from models.wagons.data import Chip
from models.wagons.infer import LEAST_SCORE
from models.wagons.pool import painted_chip
from models.wagons.score import Matches, match

SEED = 900_001
"""Far from every training seed."""
GSDS = (0.2, 0.3, 0.5, 0.7, 0.9, 1.2)
"""At which counts are calibrated."""
FRAME_M = 300.0
"""Longest side of a painted image on the ground: a large yard."""


@dataclass(frozen=True, eq=False)
class Case:
    """One image with what was found in it."""

    chip: Chip
    """The image and its wagons."""
    found: Detections
    """Before any threshold."""
    right: NDArray[np.bool_]
    """(n,) whether each box overlaps a wagon of its own by at least 0.3."""
    true: int
    """Wagons in the image."""
    mapped: bool
    """Whether its tracks were given."""


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
        yield Case(chip, found.take(kept), right[kept], pairs.true, mapped)


def held_against(found: Detections, chip: Chip, iou: float) -> Matches:
    """Boxes paired with the chip's wagons; one with its middle outside is neither right nor wrong."""
    rows, cols = chip.valid.shape
    inside = ((chip.boxes[:, :2] >= 0) & (chip.boxes[:, :2] < [cols, rows])).all(axis=1)
    doubtful = Detections(found.grid, chip.boxes[~inside], np.ones(int((~inside).sum()))).polygons()
    return match(found, chip.boxes[inside], iou, shapely.union_all(doubtful))


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
    boxes = [run for run in (*runs, *bare) if len(run.found)]
    x = np.concatenate([features(run.found) for run in boxes])
    score = fit_score(x, np.concatenate([run.right for run in boxes]))
    rough = Calibration(score, (), (), about)
    models, residuals = [], []
    for gsd, mapped in sorted({(run.chip.gsd_m, run.mapped) for run in runs}):
        group = [run for run in runs if (run.chip.gsd_m, run.mapped) == (gsd, mapped)]
        expected = np.array([expectation(rough, run.found) for run in group])
        true = np.array([float(run.true) for run in group])
        models.append(fit_count(gsd, mapped, expected, true))
        residuals += left_out(gsd, mapped, expected, true)
        say(f"{len(group)} images: {models[-1]}")
    return Calibration(score, tuple(models), tuple(round(value, 4) for value in sorted(residuals)), about)


def expectation(calibration: Calibration, found: Detections) -> float:
    """Sum of the probabilities of those boxes of an image that a detector would give."""
    if not len(found):
        return 0.0
    odds = calibration.probabilities(found)
    return float(odds[odds >= LEAST_SCORE].sum())


def bare_ground(grounds: Iterable[Chip]) -> Iterator[tuple[Chip, list[NDArray[np.float64]]]]:
    """Grounds without wagons, as ``cases`` takes them."""
    for chip in grounds:
        yield chip, []
