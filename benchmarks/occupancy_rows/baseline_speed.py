"""Baseline and change of a cube beside plain numpy, per CPU second, in one run on one cube.

OMP_NUM_THREADS=1 python -m benchmarks.occupancy_rows.baseline_speed
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imagery.alignment.usual import MAD_TO_SIGMA, STEP, usual_of

Cube = NDArray[np.float32]
Result = TypeVar("Result")
DATA = "one random cube of 120 dates x 4 bands x 512 x 512 with 30 % gaps, both in one process"
SHAPE = (120, 4, 512, 512)
GAPS = 0.3


def rows(shape: tuple[int, ...] = SHAPE, repeats: int = 3) -> dict[str, float]:
    """CPU seconds of both, their ratio, and how far they are apart.

    Args:
        shape: Dates, bands, rows, columns; one more date is held against them.
        repeats: The faster one is run this often and its middle time taken; numpy runs once.
    """
    generator = np.random.default_rng(20231005)
    cube = _cube(shape, generator)
    look = _cube((1, *shape[1:]), generator)[0]
    plain_s, (median, spread, change) = _timed(lambda: _plain(cube, look))
    runs = [_timed(lambda: _ours(cube, look)) for _ in range(repeats)]
    ours_s, (our_median, our_spread, our_change) = sorted(runs, key=lambda run: run[0])[repeats // 2]
    return {
        "plain_cpu_s": plain_s,
        "ours_cpu_s": ours_s,
        "speedup": plain_s / ours_s,
        "median_apart_most": _most(median - our_median),
        "spread_apart_most": _most(spread - our_spread),
        "change_apart_p99": float(np.nanquantile(np.abs(change - our_change), 0.99)),
        "gaps_differ": float((np.isnan(median) != np.isnan(our_median)).sum()),
    }


def _cube(shape: tuple[int, ...], generator: np.random.Generator) -> Cube:
    """Reflectance with a spread of its own at every pixel, bright dates and gaps as clouds leave them."""
    ground = generator.uniform(0.03, 0.4, shape[1:]).astype(np.float32)
    cube = generator.normal(size=shape).astype(np.float32)
    cube *= generator.uniform(0.005, 0.04, shape[1:]).astype(np.float32)
    cube += ground
    bright = generator.random(shape, dtype=np.float32) < 0.03
    cube[bright] += 0.3
    cube[generator.random(shape, dtype=np.float32) < GAPS] = np.nan
    return cube


def _plain(cube: Cube, look: Cube) -> tuple[Cube, Cube, Cube]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pixels that no date shows
        median = np.nanmedian(cube, axis=0)
        spread = MAD_TO_SIGMA * np.nanmedian(np.abs(cube - median), axis=0)
    return median, spread, (look - median) / np.maximum(spread, STEP)


def _ours(cube: Cube, look: Cube) -> tuple[Cube, Cube, Cube]:
    usual = usual_of(cube)
    return usual.median, usual.spread, usual.change(look)


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _most(difference: Cube) -> float:
    return float(np.nanmax(np.abs(difference)))


if __name__ == "__main__":
    print(json.dumps(rows(), indent=1))
