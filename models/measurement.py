"""What a model says of one scene: a Measurement with its interval, or a Skip with its reason."""

from __future__ import annotations

import math
from dataclasses import dataclass

from imagery.errors import InputError

PASS = "pass"
"""What a gate says of a date that is good enough."""


@dataclass(frozen=True)
class Measurement:
    """One quantity read from one scene."""

    quantity: str
    """``railcars``, ``occupied_track_m``, ``railcar_equivalents``, ..."""
    value: float
    """The estimate."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    level: float
    """Nominal coverage of the interval, such as 0.9."""
    unit: str
    """``railcars``, ``m``, ..."""
    method: str
    """Which model said so, such as ``edges`` or ``profile``."""
    visible_share: float
    """Share (0 to 1) of the thing measured that could be seen."""
    gate: str = ""
    """``pass``, or why the date is not held against others; empty for methods without a gate."""
    cross_check: float | None = None
    """The same quantity by a simpler method, where there is one; it decides nothing."""

    def __post_init__(self) -> None:
        if not (self.low <= self.value <= self.high) or not math.isfinite(self.value):
            raise InputError(
                f"{self.quantity}: {self.value} does not lie in its interval {self.low} to {self.high}"
            )
        if not (0.0 < self.level < 1.0 and 0.0 <= self.visible_share <= 1.0):
            raise InputError(
                f"{self.quantity}: level {self.level} or visible share {self.visible_share} out of range"
            )

    @property
    def gated_out(self) -> bool:
        """Whether the method's gate keeps it from being held against other dates."""
        return self.gate not in ("", PASS)


@dataclass(frozen=True)
class Skip:
    """Why a scene was not measured. No data is never zero."""

    reason: str
    """Short slug: ``clouded``, ``no-date``, ``too-coarse``, ``outside-site``, ``unreadable``, ..."""
    detail: str
    """One sentence with the value and what would help."""
