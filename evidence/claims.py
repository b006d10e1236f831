"""What a source says happened, read from ``seeds/claims/*.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imagery.period import Period

Comparison = Literal[
    "at least", "at most", "about", "between", "ratio", "appears", "disappears", "rises", "falls"
]


@dataclass(frozen=True)
class Claim:
    """One published figure."""

    id: str
    """Unique, such as ``T01``."""
    site: str
    """Site id."""
    quantity: str
    """Quantity of ours that would test it (``railcars``, ``occupied_track_m``, ...), or the source's own."""
    unit: str
    """Unit of the figure."""
    comparison: Comparison
    """How the figure is meant."""
    low: float | None
    """The figure, or the lower end; None for ``appears`` and the like without a figure."""
    high: float | None
    """The upper end for ``between``; else equal to ``low``."""
    period: Period
    """The day or span that it speaks of."""
    text: str
    """The claim in our own words, one sentence."""
    imagery: str
    """The kind of imagery behind it."""
    source: str
    """Who published it, and when."""
    locator: str
    """URL or place in the source."""
    testable: bool
    """Whether any imagery could test it."""
    reason: str
    """Why not, where it is not testable; what to beware of, where it is."""
