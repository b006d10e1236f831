"""A Claim held against a Series: supported, contradicted, undecided, or out of this sensor's reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome4 = Literal["supported", "contradicted", "undecided", "out of reach"]


@dataclass(frozen=True)
class Verdict:
    """What the imagery says of one claim."""

    claim_id: str
    """The claim."""
    verdict: Outcome4
    """One of four."""
    reason: str
    """Why, in one plain sentence."""
    quantity: str | None = None
    """Which quantity of ours was held against it."""
    value: float | None = None
    """What was measured in the claim's period."""
    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of its interval."""
    p_rank: float | None = None
    """Rank p-value against the baseline, where there is one."""
    scene_ids: tuple[str, ...] = ()
    """The scenes behind it."""
