"""What a page is made of: everything that the run found, and nothing that says how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.claims import Claim
from evidence.ledger import Outcome
from evidence.verdicts.sensitivity import Alternative
from evidence.verdicts.statistics import Standing
from evidence.verdicts.verdict import Verdict
from imagery.errors import InputError
from models.stats.baseline import Baseline
from models.stats.series import Series

LEAST = 5
"""Dates of a baseline below which the page speaks of no usual range."""


@dataclass(frozen=True)
class Band:
    """What is usual for one quantity at one place."""

    median: float
    """Middle of the baseline's values."""
    low: float
    """Their 5th percentile."""
    high: float
    """Their 95th percentile."""
    maximum: float
    """The highest of them."""
    last: np.datetime64
    """When the latest of them was taken, UTC."""
    words: str
    """From how many dates of which time it was made."""


def band_of(baseline: Baseline | None) -> Band | None:
    """The middle nine tenths of a baseline, None where there is none or too few dates to speak of a range."""
    if baseline is None or len(baseline) < LEAST:
        return None
    low, median, high = (float(value) for value in np.quantile(baseline.values, [0.05, 0.5, 0.95]))
    first, last = (str(time)[:10] for time in baseline.times[[0, -1]])
    words = f"middle 90 % of {len(baseline):,} dates from {first} to {last}"
    if baseline.season_days is not None:
        words += f", within {baseline.season_days} days of the season"
    return Band(median, low, high, float(baseline.values.max()), baseline.times[-1], words)


@dataclass(frozen=True, eq=False)
class Area:
    """Something with an outline in a picture."""

    ring: NDArray[np.float64]
    """(k, 2) corners x, y in pixels of the picture's image; the first is not repeated."""
    label: str
    """What it is."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image of one date, with what was found in it."""

    scene_id: str
    """The scene that it was made from."""
    site: str
    """Site id, empty where none was given."""
    taken_at: datetime | None
    """UTC."""
    sensor: str
    """Key of the sensor."""
    gsd_m: float | None
    """Ground sample distance of the scene in metres, None where unknown."""
    simulated: bool
    """Painted, not photographed: the page burns SIMULATED into it."""
    image: NDArray[np.uint8]
    """(rows, cols, 3) RGB."""
    boxes: NDArray[np.float64]
    """(n, 4, 2) corners x, y in pixels of ``image``."""
    labels: tuple[str, ...] = ()
    """(n,) what each box is, or empty."""
    caption: str = ""
    """What the picture shows, in a sentence."""
    pixel_m: float | None = None
    """Ground metres a pixel of ``image``, as cut and resized; draws a scale bar where given."""
    occupied: tuple[NDArray[np.float64], ...] = ()
    """Courses (k, 2) of occupied track in pixels of ``image``."""
    goods: tuple[Area, ...] = ()
    """Stacks and ships."""
    crops: tuple[NDArray[np.uint8], ...] = ()
    """(rows, cols, 3) RGB, one a box in their order, all of one size; fewer where there are very many."""
    framed: bool = False
    """Whether ``image`` shows the same ground as the other framed pictures of its site."""

    def __post_init__(self) -> None:
        if self.image.dtype != np.uint8 or self.image.ndim != 3 or self.image.shape[2] != 3:
            raise InputError(
                f"picture of {self.scene_id!r} is {self.image.dtype} of shape {self.image.shape}; "
                "expected uint8 of shape (rows, cols, 3)"
            )
        if not self.image.size:
            raise InputError(f"picture of {self.scene_id!r} holds no pixel; leave it out")
        n = len(self.boxes)
        if self.boxes.shape != (n, 4, 2) or not np.isfinite(self.boxes).all():
            raise InputError(
                f"picture of {self.scene_id!r} has boxes of shape {self.boxes.shape}; "
                "expected finite corners of shape (n, 4, 2)"
            )
        if self.labels and len(self.labels) != n:
            raise InputError(f"picture of {self.scene_id!r} has {len(self.labels)} labels for {n} boxes")
        if len(self.crops) > n:
            raise InputError(f"picture of {self.scene_id!r} has {len(self.crops)} crops for {n} boxes")
        self.image.setflags(write=False)
        self.boxes.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Page:
    """All that the report says."""

    title: str
    """Heading of the page."""
    outcomes: Sequence[Outcome]
    """How every scene ended."""
    series: Sequence[Series]
    """One a site and quantity."""
    baselines: Mapping[tuple[str, str], Baseline]
    """By site and quantity; a series without one is drawn without a band, its target not enlarged."""
    claims: Sequence[Claim]
    """Every claim that was asked about, each with one verdict."""
    verdicts: Sequence[Verdict]
    """One a claim."""
    pictures: Sequence[Picture]
    """The dates that matter."""
    run: Mapping[str, Any]
    """Facts of the run in the order to be shown; ``command`` is the line that runs it again, a nested
    mapping (such as ``versions``) is shown entry by entry."""
    site_notes: Sequence[str] = ()
    """What the reader must know first, such as that the tracks of a site are approximate."""
    site_names: Mapping[str, str] = field(default_factory=dict)
    """Site id to its name in words; a site without one goes by its id."""
    told: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    """What the target period shows in sentences, by site and quantity."""
    chance: str = ""
    """How many alarms the run's tests give, and how many chance would, in a sentence."""
    standings: Sequence[Standing] = ()
    """Each series of the target period against the years before, with placebos and power."""
    alternatives: Sequence[Alternative] = ()
    """The claims judged in other ways."""

    def __post_init__(self) -> None:
        claims = [claim.id for claim in self.claims]
        verdicts = [verdict.claim_id for verdict in self.verdicts]
        if len(set(claims)) != len(claims) or sorted(claims) != sorted(verdicts):
            odd = sorted(set(claims) ^ set(verdicts)) or sorted({i for i in claims if claims.count(i) > 1})
            raise InputError(
                f"{len(claims)} claims and {len(verdicts)} verdicts do not match one to one (see {odd[:5]}); "
                "give every claim its own id and one verdict"
            )

    @property
    def simulated(self) -> bool:
        """Whether any input was painted, not photographed."""
        return any(outcome.simulated for outcome in self.outcomes) or any(p.simulated for p in self.pictures)
