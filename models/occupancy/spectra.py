"""How much of a look is wagon: a residual explained by some wagon's spectrum, without knowing whose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LIBRARY = {
    "weathered steel": (0.06, 0.07, 0.11, 0.15),
    "dark load or paint": (0.05, 0.05, 0.055, 0.06),
    "red oxide": (0.06, 0.06, 0.15, 0.20),
    "dull tank": (0.12, 0.12, 0.12, 0.13),
    "sand or timber": (0.14, 0.18, 0.23, 0.29),
    "bare metal": (0.20, 0.21, 0.22, 0.23),
    "white cover": (0.42, 0.44, 0.45, 0.46),
    "blue cover": (0.22, 0.16, 0.09, 0.28),
    "green cover": (0.07, 0.13, 0.07, 0.28),
}
"""Reflectance of wagon tops in blue, green, red and near infrared: round figures assumed from common
materials, not measured on railcars."""

BALLAST = 0.13
"""Reflectance assumed of an empty track where the pixels are digital numbers of unknown scale."""

_EMPTY = 0.9  # prior probability that nothing of a look is wagon
_TYPICAL = 0.2  # scale of the exponential prior of the covered share where something is
_SHARES = np.concatenate([[0.0], np.linspace(0.02, 1.0, 22)])
"""Covered shares that are weighed against each other."""


def library(roles: Sequence[str]) -> NDArray[np.float64]:
    """The assumed wagon tops (kinds, bands) in the bands that an image has."""
    order = ("blue", "green", "red", "nir")
    return np.array([[top[order.index(role)] for role in roles] for top in LIBRARY.values()])


def covered_share(
    residual: NDArray[np.float64],
    empty: NDArray[np.float64],
    covariance: NDArray[np.float64],
    tops: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Posterior mean of the share of each look that wagons cover.

    Linear mixing: a look with share f under a top of spectrum w differs from the empty track b by
    f (w - b) plus Gaussian noise. Neither f nor which top is known; both are averaged over, each top
    being as likely as another. The sign of the contrast plays no part, so dark wagons and bright covers
    do not cancel.

    Args:
        residual: (bands, n) look minus its seasonal baseline.
        empty: (bands, n) the baseline.
        covariance: (n, bands, bands) of the noise in the residual.
        tops: (kinds, bands) reflectance of wagon tops.

    Returns:
        (n,) between 0 and 1.
    """
    precision = np.linalg.inv(covariance)
    prior = np.exp(-_SHARES / _TYPICAL)
    prior[1:] *= (1 - _EMPTY) / prior[1:].sum()
    prior[0] = _EMPTY
    gains = np.empty((len(tops), len(_SHARES), residual.shape[1]))
    for kind, top in enumerate(tops):
        contrast = top[:, None] - empty
        weighted = np.einsum("nkl,ln->kn", precision, contrast)
        match, energy = (residual * weighted).sum(axis=0), (contrast * weighted).sum(axis=0)
        gains[kind] = _SHARES[:, None] * match - 0.5 * _SHARES[:, None] ** 2 * energy
    # Log-likelihood against an empty look; its largest value is taken off so that exp stays finite.
    likelihood = np.exp(gains - gains.max(axis=(0, 1))).mean(axis=0)
    posterior = likelihood * prior[:, None]
    share: NDArray[np.float64] = (_SHARES[:, None] * posterior).sum(axis=0) / posterior.sum(axis=0)
    return share
