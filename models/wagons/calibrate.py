"""Scores into probabilities, and boxes into a count with an interval that carries misses and false alarms.

Both are fitted on images that the nets were not trained on. The probability of a box is a logistic function
of its evidence, of the company that it stands in, and of the GSD. The true count of an image, given the sum m
of its boxes' probabilities, lies about mean = found * m + missed with variance floor + noise * mean +
(spread * mean)^2: the last term is what differs from image to image (haze, shadow, an unknown kind of wagon)
and does not average out. How far a count may lie off, in these units, is read from images that the model was
not fitted to (cross-conformal prediction, Vovk 2015); no shape is assumed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from imagery.errors import UnreadableError
from models.detections import Detections

Floats = NDArray[np.float64]
_FLOOR = 0.1  # variance of a count of nothing
FEATURES = ("one", "odds", "occupied", "ends", "heat", "behind", "beside", "coarse", "mapped")


@dataclass(frozen=True)
class CountModel:
    """The true count given the sum of probabilities, at one GSD."""

    gsd_m: float
    """GSD at which it was fitted; between two it is interpolated."""
    mapped: bool
    """Whether tracks were given."""
    found: float
    """True wagons for each expected one: above 1 where wagons are missed."""
    missed: float
    """True wagons of an image in which nothing was found."""
    noise: float
    """Variance for each wagon."""
    spread: float
    """Standard deviation as a share of the count."""

    def mean(self, expected: Floats) -> Floats:
        """True count to be expected where the boxes' probabilities add up to ``expected``."""
        return np.asarray(self.found * expected + self.missed)

    def scale(self, expected: Floats) -> Floats:
        """How far the true count usually lies off that."""
        mean = self.mean(expected)
        return np.asarray(np.sqrt(_FLOOR + self.noise * mean + (self.spread * mean) ** 2))


@dataclass(frozen=True)
class Calibration:
    """Fitted on held-out images."""

    score: tuple[float, ...]
    """Coefficient of each of FEATURES."""
    counts: tuple[CountModel, ...]
    """In order of GSD, with and without tracks."""
    residuals: tuple[float, ...]
    """Sorted (true - mean) / scale of images that the count models were not fitted to."""
    about: str = ""
    """On which images it was fitted."""

    def probabilities(self, found: Detections) -> Floats:
        """Probability (n,) that each box is a wagon, overlapping a true one by at least 0.3."""
        return probabilities(self.score, features(found))

    def interval(
        self, expected: float, gsd_m: float, level: float = 0.9, mapped: bool = False
    ) -> tuple[float, float, float]:
        """Estimate of the true count, and the interval that holds it with probability ``level``.

        Args:
            expected: Sum of the probabilities of an image's boxes.
            gsd_m: Of the image.
            level: Nominal coverage.
            mapped: Whether tracks were given; where nothing was found that is not known, and the wider holds.

        Returns:
            Value, low and high.
        """
        models = [model for model in self.counts if model.mapped == mapped]
        where = [np.log(model.gsd_m) for model in models]
        names = ("found", "missed", "noise", "spread")
        model = CountModel(
            gsd_m,
            mapped,
            *(float(np.interp(np.log(gsd_m), where, [getattr(m, name) for m in models])) for name in names),
        )
        mean, scale = float(model.mean(np.array(expected))), float(model.scale(np.array(expected)))
        n = len(self.residuals)
        rank = math.ceil((n + 1) * (1 + level) / 2)  # the finite-sample quantile of split conformal
        far = self.residuals[n - min(rank, n)], self.residuals[min(rank, n) - 1]
        low, high = (max(0.0, mean + scale * end) for end in far)
        return float(np.clip(mean, low, high)), low, high

    def write(self, path: Path) -> None:
        """Write as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read what write wrote.

        Raises:
            UnreadableError: The file is absent or holds something else.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            counts = tuple(CountModel(**model) for model in record["counts"])
            return cls(tuple(record["score"]), counts, tuple(record["residuals"]), record["about"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(
                f"calibration {path} cannot be used ({error!r}); make it with `yardwatch train`"
            ) from error


def features(found: Detections) -> Floats:
    """Evidence (n, len(FEATURES)) of each box, the GSD, and whether its track was given.

    Company counts only where no map says that there is a track: look-alikes seldom stand in line.
    """

    def log_odds(values: Floats) -> Floats:
        clipped = np.clip(values, 1e-3, 1 - 1e-3)
        return np.asarray(np.log(clipped / (1 - clipped)))

    if not len(found):
        return np.empty((0, len(FEATURES)))
    return np.column_stack(
        [
            np.ones(len(found)),
            log_odds(found.attributes["odds"]),
            log_odds(found.attributes["occupied"]),
            np.clip(found.attributes["ends"], -8, 8),
            log_odds(found.attributes["heat"]),
            np.log1p(found.attributes["behind"]) * (1 - found.attributes["mapped"]),
            np.log1p(found.attributes["beside"]) * (1 - found.attributes["mapped"]),
            np.full(len(found), np.log2(found.gsd_m / 0.5)),
            found.attributes["mapped"],
        ]
    )


def probabilities(score: Sequence[float], x: Floats) -> Floats:
    """Probability (n,) of boxes with features x (n, len(FEATURES)) under these coefficients."""
    return np.asarray(1 / (1 + np.exp(-x @ np.array(score))))


def fit_score(x: Floats, right: NDArray[np.bool_], ridge: float = 1.0) -> tuple[float, ...]:
    """Logistic regression with a small ridge, by its convex likelihood.

    Args:
        x: (n, len(FEATURES)).
        right: (n,) whether each box is a wagon.
        ridge: Half the weight of the squared coefficients, the constant apart.
    """
    sign = np.where(right, 1.0, -1.0)
    free = np.array([0.0, *np.ones(x.shape[1] - 1)])

    def cost(w: Floats) -> tuple[float, Floats]:
        margin = sign * (x @ w)
        value = np.logaddexp(0, -margin).sum() + ridge * (free * w**2).sum()
        slope = -(x.T @ (sign / (1 + np.exp(margin)))) + 2 * ridge * free * w
        return float(value), slope

    return tuple(float(w) for w in minimize(cost, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x)


def fit_count(gsd_m: float, mapped: bool, expected: Floats, true: Floats) -> CountModel:
    """Most likely count model of images at one GSD.

    Args:
        gsd_m: Their GSD.
        mapped: Whether tracks were given.
        expected: (n,) sum of probabilities of each image.
        true: (n,) wagons in each.
    """

    def cost(free: Floats) -> float:
        model = CountModel(gsd_m, mapped, *(float(v) for v in np.exp(free)))
        scale = model.scale(expected)
        unlikely = float((((free - middle) / spread) ** 2).sum()) / 2
        return float((0.5 * ((true - model.mean(expected)) / scale) ** 2 + np.log(scale)).sum()) + unlikely

    # Weak priors: a few images without a surprise do not prove that there will be none.
    middle, spread = np.log([1.0, 0.5, 0.5, 0.1]), np.array([0.5, 0.5, 1.0, 0.7])
    best = minimize(cost, middle, method="Nelder-Mead", options={"maxiter": 3000})
    return CountModel(gsd_m, mapped, *(float(v) for v in np.exp(np.clip(best.x, -7, 5))))


def left_out(gsd_m: float, mapped: bool, expected: Floats, true: Floats) -> list[float]:
    """(true - mean) / scale of each image under a model fitted to every other one of them."""
    every = np.arange(len(true)) % 2
    parts = [
        (every == half, fit_count(gsd_m, mapped, expected[every != half], true[every != half]))
        for half in (0, 1)
    ]
    return [
        float(value)
        for part, model in parts
        for value in (true[part] - model.mean(expected[part])) / model.scale(expected[part])
    ]
