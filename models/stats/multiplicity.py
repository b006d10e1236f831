"""Many tests at once: how many would alarm by chance, and which alarms survive being many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError


def benjamini_hochberg(p: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest false discovery rate at which each test would be called, (n,).

    Benjamini and Hochberg (1995); holds for independent tests and for those that depend positively, as
    neighbouring weeks and sites under one sky do (Benjamini and Yekutieli 2001, theorem 1.2).

    Raises:
        InputError: A value is not between 0 and 1.
    """
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError(f"p-values must lie between 0 and 1, not {values.min()} to {values.max()}")
    n = len(values)
    order = np.argsort(values, kind="stable")
    scaled = values[order] * n / np.arange(1, n + 1)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def benjamini_yekutieli(p: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """As benjamini_hochberg, for tests that depend on each other in any way: larger by the sum of 1 / i.

    Benjamini and Yekutieli (2001), theorem 1.3.
    """
    harmonic = float((1 / np.arange(1, len(p) + 1)).sum())
    return np.minimum(benjamini_hochberg(p) * harmonic, 1.0)


@dataclass(frozen=True)
class Family:
    """All tests of a run, taken together."""

    tests: int
    """How many."""
    level: float
    """Largest p-value that alarms, and largest share of false ones among those that survive."""
    expected_false: float
    """Alarms to be expected if nothing had changed anywhere, at most."""
    alarms: int
    """Tests with a p-value of at most ``level``."""
    survive: int
    """Of them, those left at that false discovery rate if tests depend on each other positively."""
    survive_any: int
    """The same, however they depend."""

    @property
    def words(self) -> str:
        """In a sentence."""
        return (
            f"{self.tests} series and weeks were tested: {self.alarms} alarm at {self.level:.2g}, where up "
            f"to {self.expected_false:.1f} would by chance alone; {self.survive} are left at a false "
            f"discovery rate of {self.level:.0%} ({self.survive_any} however the tests depend on each other)"
        )


def family_of(p: Sequence[float], level: float = 0.1) -> Family:
    """Count alarms before and after correction.

    Args:
        p: One valid p-value a test.
        level: See Family.
    """
    values = np.asarray(p, dtype=np.float64)
    return Family(
        len(values),
        level,
        level * len(values),
        int((values <= level).sum()),
        int((benjamini_hochberg(values) <= level).sum()),
        int((benjamini_yekutieli(values) <= level).sum()),
    )
