"""Scores into probabilities, and boxes into a count with an interval that carries misses and false alarms.

Both are fitted on images that the nets were not trained on. The probability of a box is a logistic function
of its evidence, of the company that it stands in, and of the GSD. The true count of an image, given the sum m
and the mean s of its boxes' probabilities, lies about mean = found * exp(dull * (1 - s)) * m + missed: where
the boxes that were found are doubtful, as in a blurred image, more were missed. It lies there with variance
floor + noise * mean + (spread * mean)^2: the last term is what differs from image to image (haze, shadow, an
unknown kind of wagon) and does not average out. The fit takes errors as Student's t, so that a few images
that are read badly do not move it. How far a count may lie off, in these units, is read from images that the
model was not fitted to (cross-conformal prediction, Vovk 2015); no shape is assumed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import scipy  # its parts load when they are first used
from numpy.typing import NDArray

from imagery.errors import UnreadableError
from imagery.whole import written
from models.detections import Detections

Floats = NDArray[np.float64]
_FLOOR = 0.1  # variance of a count of nothing
_TAILS = 4.0  # degrees of freedom: one image in twenty may lie more than two scales off
FEATURES = ("one", "odds", "occupied", "ends", "heat", "behind", "beside", "coarse", "mapped")


@dataclass(frozen=True)
class Counted:
    """What a detector says of images: the boxes' probabilities in two numbers an image."""

    expected: Floats
    """(n,) sum of the probabilities."""
    sure: Floats
    """(n,) mean of them, 1 where there is no box."""

    @classmethod
    def of(cls, images: Sequence[Floats]) -> Counted:
        """From the probabilities of each image's boxes."""
        sure = [each.mean() if len(each) else 1.0 for each in images]
        return cls(np.array([each.sum() for each in images]), np.array(sure))

    def take(self, which: NDArray[np.bool_]) -> Counted:
        """Some of the images."""
        return Counted(self.expected[which], self.sure[which])


@dataclass(frozen=True)
class CountModel:
    """The true count given the probabilities of an image's boxes, at one GSD."""

    gsd_m: float
    """GSD at which it was fitted; between two it is interpolated."""
    mapped: bool
    """Whether tracks were given."""
    found: float
    """True wagons for each expected one where every box is sure: above 1 where wagons are missed."""
    missed: float
    """True wagons of an image in which nothing was found."""
    noise: float
    """Variance for each wagon."""
    spread: float
    """Standard deviation as a share of the count."""
    dull: float
    """How fast more are missed where boxes are less sure."""

    def mean(self, of: Counted) -> Floats:
        """True counts (n,) to be expected."""
        return np.asarray(self.found * np.exp(self.dull * (1 - of.sure)) * of.expected + self.missed)

    def scale(self, of: Counted) -> Floats:
        """How far the true count usually lies off that."""
        mean = self.mean(of)
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
        self, probabilities: Floats, gsd_m: float, level: float = 0.9, mapped: bool = False
    ) -> tuple[float, float, float]:
        """Estimate of the true count, and the interval that holds it with probability ``level``.

        Doubtful boxes tell of misses in images like the calibration's; in others they may be doubtful and all
        there is. Nobody knows which from the image alone: the estimate stands midway between the two, as a
        factor, and the interval holds both.

        Args:
            probabilities: (n,) of an image's boxes.
            gsd_m: Of the image.
            level: Nominal coverage.
            mapped: Whether tracks were given; where nothing was found that is not known, and the wider holds.

        Returns:
            Value, low and high.
        """
        models = [model for model in self.counts if model.mapped == mapped]
        where = [np.log(model.gsd_m) for model in models]
        names = ("found", "missed", "noise", "spread", "dull")
        model = CountModel(
            gsd_m,
            mapped,
            *(float(np.interp(np.log(gsd_m), where, [getattr(m, name) for m in models])) for name in names),
        )
        of = Counted.of([probabilities])
        n = len(self.residuals)
        rank = math.ceil((n + 1) * (1 + level) / 2)  # the finite-sample quantile of split conformal
        far = np.array([self.residuals[n - min(rank, n)], self.residuals[min(rank, n) - 1]])
        models = [model, replace(model, dull=0.0)]
        means = [float(each.mean(of)[0]) for each in models]
        ends = [mean + float(each.scale(of)[0]) * far for mean, each in zip(means, models, strict=True)]
        low, high = max(0.0, float(np.min(ends))), float(np.max(ends))
        return float(np.clip(math.sqrt(means[0] * means[1]), low, high)), low, high

    def write(self, path: Path) -> None:
        """Write as JSON."""
        with written(path) as part:
            part.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

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

    return tuple(
        float(w) for w in scipy.optimize.minimize(cost, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    )


def fit_count(gsd_m: float, mapped: bool, of: Counted, true: Floats) -> CountModel:
    """Most likely count model of images at one GSD, errors taken as Student's t.

    Args:
        gsd_m: Their GSD.
        mapped: Whether tracks were given.
        of: What was found in each of n images.
        true: (n,) wagons in each.
    """

    def model(free: Floats) -> CountModel:
        *positive, dull = free
        found, missed, noise, spread = (float(v) for v in np.exp(np.clip(positive, -7, 5)))
        return CountModel(gsd_m, mapped, found, missed, noise, spread, float(dull))

    def cost(free: Floats) -> float:
        each = model(free)
        scale = each.scale(of)
        off = (true - each.mean(of)) / scale
        unlikely = float((((free - middle) / about) ** 2).sum()) / 2
        return float(((_TAILS + 1) / 2 * np.log1p(off**2 / _TAILS) + np.log(scale)).sum()) + unlikely

    # Weak priors: a few images without a surprise do not prove that there will be none.
    middle = np.array([*np.log([1.0, 0.5, 0.5, 0.1]), 2.0])
    about = np.array([0.5, 0.5, 1.0, 0.7, 1.0])
    return model(scipy.optimize.minimize(cost, middle, method="Nelder-Mead", options={"maxiter": 5000}).x)


def left_out(gsd_m: float, mapped: bool, of: Counted, true: Floats) -> list[float]:
    """(true - mean) / scale of each image under a model fitted to every other one of them."""
    every = np.arange(len(true)) % 2
    parts = [
        (every == half, fit_count(gsd_m, mapped, of.take(every != half), true[every != half]))
        for half in (0, 1)
    ]
    return [
        float(value)
        for part, model in parts
        for value in (true[part] - model.mean(of.take(part))) / model.scale(of.take(part))
    ]
