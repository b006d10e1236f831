"""One quantity of one place in time order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.errors import InputError
from imagery.period import Period


@dataclass(frozen=True, eq=False)
class Series:
    """Measurements of one quantity at one site, sorted by time. Skipped scenes are not in it."""

    site: str
    """Site id, empty where none was given."""
    quantity: str
    """Such as ``railcars``."""
    unit: str
    """Such as ``m``."""
    level: float
    """Nominal coverage of the intervals."""
    times: NDArray[np.datetime64]
    """(n,) datetime64[s], UTC, ascending."""
    values: NDArray[np.float64]
    """(n,)"""
    lows: NDArray[np.float64]
    """(n,)"""
    highs: NDArray[np.float64]
    """(n,)"""
    scene_ids: tuple[str, ...]
    """(n,) where each value was read."""
    methods: tuple[str, ...]
    """(n,) which model read it."""
    orbits: tuple[str, ...] = ()
    """(n,) relative orbit where the reading depends on it, as of radar, and empty elsewhere; () for none."""
    eras: tuple[str, ...] = ()
    """(n,) the processing that the image went through, see breaks.py; () where nothing is known."""

    def __post_init__(self) -> None:
        n = len(self.times)
        lengths = [len(part) for part in (self.values, self.lows, self.highs, self.scene_ids, self.methods)]
        for name in ("orbits", "eras"):
            if not getattr(self, name):
                object.__setattr__(self, name, ("",) * n)
        lengths += [len(self.orbits), len(self.eras)]
        if lengths != [n] * 7:
            raise InputError(f"series {self.site}/{self.quantity}: {n} times but columns of {lengths}")
        if n and (np.any(np.diff(self.times) < np.timedelta64(0)) or not np.isfinite(self.values).all()):
            raise InputError(f"series {self.site}/{self.quantity}: times must ascend and values be finite")
        for array in (self.times, self.values, self.lows, self.highs):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.times)

    def take(self, keep: NDArray[np.bool_]) -> Series:
        """The dates where ``keep`` is true."""
        index = np.flatnonzero(keep)
        return Series(
            self.site,
            self.quantity,
            self.unit,
            self.level,
            self.times[index],
            self.values[index],
            self.lows[index],
            self.highs[index],
            tuple(self.scene_ids[i] for i in index),
            tuple(self.methods[i] for i in index),
            tuple(self.orbits[i] for i in index),
            tuple(self.eras[i] for i in index),
        )

    def within(self, period: Period) -> NDArray[np.bool_]:
        """Which dates lie inside the period, (n,)."""
        start, end = np.datetime64(period.start, "s"), np.datetime64(period.end, "s")
        inside: NDArray[np.bool_] = (self.times >= start) & (self.times < end)
        return inside
