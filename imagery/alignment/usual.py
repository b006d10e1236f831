"""What is usual at each pixel: median and spread over many dates, gaps left out, and how far a date lies off.

All dates of a pixel are sorted once by a network of minimum and maximum over whole rows of pixels, which
needs no branch and so runs at the speed of vector units. Once sorted, the distances from the median fall
and rise again along the dates: half a merge sorts those too, and the median absolute deviation is read off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError

Codes = NDArray[np.int16]

STEP = 1e-4
"""Reflectance of one code: what Sentinel-2 itself is stored in."""
LEAST = -0.1
"""Reflectance of code 0, below what any surface has."""
MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for a normal."""
GAP = 32767
"""Code of a date that is not seen: behind every other, and further from any median than any other."""
_MOST = 16383  # the largest median for which that holds
_BLOCK = 65536  # pixels at a time: rows of 128 KiB, long enough to hide the cost of a call
_GAP_BITS = np.float32(GAP).view(np.uint32)


@dataclass(frozen=True, eq=False)
class Usual:
    """The usual look of each pixel."""

    median: NDArray[np.float32]
    """(...) middle of the dates, to within half a step of the codes; NaN where no date is seen, or where the
    middle is not between ``least`` and 16383 steps above it."""
    spread: NDArray[np.float32]
    """(...) median absolute deviation times 1.4826, to within 1.5 steps; NaN as the median."""
    seen: NDArray[np.int16]
    """(...) how many dates there are."""

    def change(self, look: NDArray[np.float32], floor: float = STEP) -> NDArray[np.float32]:
        """How far a date lies from the usual look, in spreads.

        Args:
            look: (...) as the median; none of the dates that are usual should be itself.
            floor: No pixel repeats better than this.

        Returns:
            (...) NaN where either is not seen.
        """
        changed: NDArray[np.float32] = look - self.median
        changed /= np.maximum(self.spread, np.float32(floor))
        return changed


def usual_of(cube: NDArray[np.float32], step: float = STEP, least: float = LEAST) -> Usual:
    """Median and spread over the first axis.

    Args:
        cube: (dates, ...) float32, NaN where not seen; 2 to 1024 dates.
        step: Values are rounded to multiples of it.
        least: Values below it, and those beyond ``least + 32766 step``, are held at these ends, which
            changes no median that is returned.

    Returns:
        Arrays of the other axes' shape.

    Raises:
        InputError: Not float32, or too few or too many dates.
    """
    if cube.dtype != np.float32 or not 2 <= len(cube) <= 1024:
        raise InputError(
            f"a cube of {len(cube)} dates of {cube.dtype} has no usual look: give 2 to 1024, as float32"
        )
    flat = cube.reshape(len(cube), -1)
    median, spread = np.empty((2, flat.shape[1]), dtype=np.float32)
    seen = np.empty(flat.shape[1], dtype=np.int16)
    for part in _parts(flat.shape[1]):
        codes = _codes(flat[:, part], step, least)
        seen[part] = _seen(codes)
        median[part], spread[part] = _median_and_deviation(codes, seen[part])
    median *= np.float32(step)
    median += np.float32(least)
    spread *= np.float32(MAD_TO_SIGMA * step)
    shape = cube.shape[1:]
    return Usual(median.reshape(shape), spread.reshape(shape), seen.reshape(shape))


def middle(codes: Codes) -> NDArray[np.int16]:
    """Median over the first axis, the lower of two whole numbers where it lies between; GAP where no date is.

    Args:
        codes: (dates, pixels) from 0 to 32766, GAP where not seen; put in another order.
    """
    low, high = _middle(_exchange([*codes], _sorting(len(codes))), _seen(codes))
    return np.asarray((low + high) // 2, dtype=np.int16)


def _parts(pixels: int) -> Iterator[slice]:
    for start in range(0, pixels, _BLOCK):
        yield slice(start, min(start + _BLOCK, pixels))


def _codes(values: NDArray[np.float32], step: float, least: float) -> Codes:
    """Whole numbers of steps above ``least``, (dates, pixels)."""
    codes = np.empty(values.shape, dtype=np.int16)
    scaled = np.empty(values.shape[1], dtype=np.float32)
    factor, rounding = np.float32(1 / step), np.float32(0.5 - least / step)
    for row, code in zip(values, codes, strict=True):
        np.multiply(row, factor, out=scaled)
        np.add(scaled, rounding, out=scaled)
        np.clip(scaled, 0.5, GAP - 1, out=scaled)
        # As bit patterns, NaN of either sign lies above every number that is left.
        np.minimum(scaled.view(np.uint32), _GAP_BITS, out=scaled.view(np.uint32))
        np.copyto(code, scaled, casting="unsafe")
    return codes


def _seen(codes: Codes) -> NDArray[np.int16]:
    """How many dates are no gap, (pixels,); counted in bytes, as many dates at a time as one holds."""
    seen = np.zeros(codes.shape[1], dtype=np.int16)
    for start in range(0, len(codes), 255):
        known = codes[start : start + 255] != GAP
        seen += np.add.reduce(known.view(np.uint8), axis=0, dtype=np.uint8)
    return seen


def _median_and_deviation(
    codes: Codes, seen: NDArray[np.int16]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median of the codes of each pixel and their median absolute deviation, (pixels,), in steps."""
    dates = len(codes)
    half = (1 << dates.bit_length()) // 2  # at most the dates, and beyond their middle
    rows = _exchange([*codes], _sorting(dates))
    low, high = _middle(rows, seen)
    centre = np.asarray((low + high) // 2, dtype=np.int16)
    for row in rows:
        np.subtract(row, centre, out=row)
        np.abs(row, out=row)
    # Falling and then rising along the dates. The smaller of each two that lie ``half`` apart (none beyond
    # the last date) are the smallest of all, and still fall and rise; the middle one is among them.
    for i in range(dates - half):
        np.minimum(rows[i], rows[i + half], out=rows[i])
    near, far = _middle(_exchange(rows[:half], _merging(half)), seen)
    known = (seen > 0) & (low > 0) & (high <= _MOST)
    return np.where(known, (low + high) / 2, np.nan), np.where(known, (near + far) / 2, np.nan)


def _exchange(rows: list[Codes], pairs: Sequence[tuple[int, int]]) -> list[Codes]:
    """Rows such that of each pair, in turn, the first holds the smaller values."""
    spare = np.empty_like(rows[0])
    for i, j in pairs:
        first, second = rows[i], rows[j]
        np.minimum(first, second, out=spare)
        np.maximum(first, second, out=second)
        rows[i], spare = spare, first
    return rows


def _middle(rows: list[Codes], seen: NDArray[np.int16]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The one or two rows in the middle of those seen, at each pixel, (pixels,)."""
    lower, upper = np.maximum(seen - 1, 0) // 2, np.minimum(seen // 2, len(rows) - 1)
    first = int(lower.min())
    table = np.stack(rows[first : int(upper.max()) + 1])
    pixel = np.arange(len(seen))
    return table[lower - first, pixel].astype(np.int32), table[upper - first, pixel].astype(np.int32)


@cache
def _sorting(n: int) -> tuple[tuple[int, int], ...]:
    """Pairs that put n rows in order (Batcher 1968, odd-even merge sort; Knuth, TAOCP 5.2.2, algorithm M)."""
    pairs = []
    sizes = [1 << k for k in range((n - 1).bit_length())]
    for p in sizes:
        for k in reversed(sizes[: sizes.index(p) + 1]):
            pairs += [
                (i, i + k)
                for j in range(k % p, n - k, 2 * k)
                for i in range(j, min(j + k, n - k))
                if i // (2 * p) == (i + k) // (2 * p)
            ]
    return tuple(pairs)


@cache
def _merging(n: int) -> tuple[tuple[int, int], ...]:
    """Pairs that put n rows, a power of two, in order where they fall and then rise (Batcher 1968)."""
    steps = [n >> k for k in range(1, n.bit_length())]
    return tuple((i, i + k) for k in steps for i in range(n) if not i & k)
