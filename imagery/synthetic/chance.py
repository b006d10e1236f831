"""Independent streams of chance, one for each named thing: no scene depends on which were painted before."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """A generator of its own for what the names say.

    Args:
        seed: The scenario's seed.
        names: Such as the site, the day and the purpose; their text counts.
    """
    return np.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])
