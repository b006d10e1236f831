"""Scores into probabilities, and boxes into a count with an interval that carries misses and false alarms.

Both are fitted on images that the nets were not trained on. The probability of a box is a logistic function
of its evidence and of the GSD. The true count of an image, given the sum m of its boxes' probabilities, is
taken as negative binomial with mean found * m + missed and variance mean + mean^2 / size: the second term
is what differs from image to image (haze, shadow, an unknown kind of wagon) and does not average out.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import nbinom

from imagery.errors import UnreadableError
from models.detections import Detections

Floats = NDArray[np.float64]
FEATURES = ("one", "odds", "occupied", "ends", "heat", "coarse", "mapped")


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
    size: float
    """Of the negative binomial: smaller is wider."""


@dataclass(frozen=True)
class Calibration:
    """Fitted on held-out images."""

    score: tuple[float, ...]
    """Coefficient of each of FEATURES."""
    counts: tuple[CountModel, ...]
    """In order of GSD, with and without tracks."""
    about: str = ""
    """On which images it was fitted."""

    def probabilities(self, found: Detections) -> Floats:
        """Probability (n,) that each box is a wagon, overlapping a true one by at least 0.3."""
        odds: Floats = 1 / (1 + np.exp(-features(found) @ np.array(self.score)))
        return odds

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
        at = np.log(gsd_m)
        models = [model for model in self.counts if model.mapped == mapped]
        where = [np.log(model.gsd_m) for model in models]
        found, missed, size = (
            float(np.interp(at, where, [getattr(model, name) for model in models]))
            for name in ("found", "missed", "size")
        )
        mean = found * expected + missed
        tail = (1 - level) / 2
        low, high = nbinom.ppf([tail, 1 - tail], size, size / (size + mean))
        return float(np.clip(mean, low, high)), float(low), float(high)

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
            return cls(tuple(record["score"]), counts, record["about"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnreadableError(
                f"calibration {path} cannot be used ({error!r}); make it with `yardwatch train`"
            ) from error


def features(found: Detections) -> Floats:
    """Evidence (n, len(FEATURES)) of each box, the GSD, and whether its track was given."""

    def log_odds(values: Floats) -> Floats:
        clipped = np.clip(values, 1e-3, 1 - 1e-3)
        return np.asarray(np.log(clipped / (1 - clipped)))

    return np.column_stack(
        [
            np.ones(len(found)),
            log_odds(found.attributes["odds"]),
            log_odds(found.attributes["occupied"]),
            np.clip(found.attributes["ends"], -8, 8),
            log_odds(found.attributes["heat"]),
            np.full(len(found), np.log2(found.gsd_m / 0.5)),
            found.attributes["mapped"],
        ]
    )


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
        found, missed, size = np.exp(free)
        mean = found * expected + missed
        unlikely = float((((free - middle) / spread) ** 2).sum()) / 2
        return float(-nbinom.logpmf(true, size, size / (size + mean)).sum()) + unlikely

    # Weak priors: a few images without a surprise do not prove that there will be none.
    middle, spread = np.log([1.0, 0.5, 15.0]), np.array([1.0, 0.7, 1.0])
    best = minimize(cost, middle, method="Nelder-Mead", options={"maxiter": 2000})
    found, missed, size = (float(v) for v in np.exp(np.clip(best.x, -7, 9)))
    return CountModel(gsd_m, mapped, found, missed, size)


def coverage(
    calibration: Calibration, gsd_m: float, mapped: bool, expected: Floats, true: Floats, level: float
) -> float:
    """Share of images whose true count lies in its interval."""
    inside = [
        low <= t <= high
        for e, t in zip(expected, true, strict=True)
        for _, low, high in [calibration.interval(float(e), gsd_m, level, mapped)]
    ]
    return float(np.mean(inside))
