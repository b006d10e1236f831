"""How much of a look is wagon: a residual explained by some wagon's spectrum, without knowing whose."""

from __future__ import annotations

import math
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


SHADE = 0.3
"""Brightness of shaded ground as a share of lit ground."""
WAGON_HEIGHT_M = 3.3
"""Height of a usual wagon above its track."""
_MOST_SHADE_M = 5.0  # a longer shadow falls on the next track's wagons, or its end is lost in theirs
_SHADES = (0.6, 1.0)
"""Shares of its full shadow that a wagon may show: flats are low, and neighbours catch it."""
_UNKNOWN_SUN = 45.0, 45.0  # elevation and angle to the track


def library(roles: Sequence[str]) -> NDArray[np.float64]:
    """The assumed wagon tops (kinds, bands) in the bands that an image has."""
    order = ("blue", "green", "red", "nir")
    return np.array([[top[order.index(role)] for role in roles] for top in LIBRARY.values()])


def shadow_width(elevation_deg: float | None, azimuth_deg: float | None, heading_deg: float) -> float:
    """Width in metres of the shadow beside a wagon, on level ground.

    Args:
        elevation_deg: Of the sun; None where unknown, as if at 45 degrees.
        azimuth_deg: Of the sun, clockwise from north; None where unknown, as if 45 degrees off the track.
        heading_deg: Of the track, clockwise from north.
    """
    elevation = _UNKNOWN_SUN[0] if elevation_deg is None else max(elevation_deg, 5.0)
    off = _UNKNOWN_SUN[1] if azimuth_deg is None else azimuth_deg - heading_deg
    length = WAGON_HEIGHT_M / math.tan(math.radians(elevation))
    return min(length * abs(math.sin(math.radians(off))), _MOST_SHADE_M)


def covered_share(
    residual: NDArray[np.float64],
    empty: NDArray[np.float64],
    covariance: NDArray[np.float64],
    tops: NDArray[np.float64],
    shade: float = 0.0,
) -> NDArray[np.float64]:
    """Posterior mean of the share of each look that any of the tops covers, (n,); see share_by_top."""
    return np.asarray(share_by_top(residual, empty, covariance, tops, shade).sum(axis=0))


def share_by_top(
    residual: NDArray[np.float64],
    empty: NDArray[np.float64],
    covariance: NDArray[np.float64],
    tops: NDArray[np.float64],
    shade: float = 0.0,
) -> NDArray[np.float64]:
    """Posterior mean of the share of each look that each top covers.

    Linear mixing: a look with share f under a top of spectrum w, beside which s times that share lies in
    shadow, differs from the empty track b by f (w - b - 0.7 s b) plus Gaussian noise. Neither f nor which
    top nor how much of the shadow is known; all are averaged over, each being as likely as another. The
    sign of the contrast plays no part, so dark wagons and bright covers do not cancel.

    Args:
        residual: (bands, n) look minus its seasonal baseline.
        empty: (bands, n) the baseline.
        covariance: (n, bands, bands) of the noise in the residual.
        tops: (kinds, bands) reflectance of wagon tops or other covers.
        shade: Shaded ground beside a wagon, in multiples of the ground under it.

    Returns:
        (kinds, n) between 0 and 1; their sum over kinds too.
    """
    precision = np.linalg.inv(covariance)
    prior = np.exp(-_SHARES / _TYPICAL)
    prior[1:] *= (1 - _EMPTY) / prior[1:].sum()
    prior[0] = _EMPTY
    parts = _SHADES if shade else (1.0,)
    contrasts = [top[:, None] - (1 + (1 - SHADE) * shade * part) * empty for top in tops for part in parts]
    gains = np.empty((len(contrasts), len(_SHARES), residual.shape[1]))
    for kind, contrast in enumerate(contrasts):
        weighted = np.einsum("nkl,ln->kn", precision, contrast)
        match, energy = (residual * weighted).sum(axis=0), (contrast * weighted).sum(axis=0)
        gains[kind] = _SHARES[:, None] * match - 0.5 * _SHARES[:, None] ** 2 * energy
    # Log-likelihood against an empty look; its largest value is taken off so that exp stays finite.
    posterior = np.exp(gains - gains.max(axis=(0, 1))) * prior[:, None]
    posterior /= posterior.sum(axis=(0, 1))
    shares = (_SHARES[:, None] * posterior).sum(axis=1).reshape(len(tops), len(parts), -1)
    return np.asarray(shares.sum(axis=1))
