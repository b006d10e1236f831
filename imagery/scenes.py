"""A Scene says that a picture exists. It holds no pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imagery.errors import InputError


@dataclass(frozen=True)
class Asset:
    """One file of a Scene, or one time step of a cube."""

    path: Path
    """Where the file (or the Zarr folder) lies."""
    bands: tuple[str, ...]
    """Name of each band, in file order; for a cube the names of its variables."""
    step: int | None = None
    """Index along the time axis of a cube, None for a plain raster."""
    scale: float = 1.0
    """Physical value = stored value x scale + offset."""
    offset: float = 0.0
    """See scale."""
    nodata: float | None = None
    """Stored value that means no data, where the file itself does not say."""
    scaling: tuple[tuple[float, float], ...] = ()
    """(scale, offset) of each band where they differ; scale and offset are then not used."""
    stored_as: str = ""
    """Form of a mask that is read as the class band ``SCL``: ``udm2`` or ``udm``; empty for all else."""

    piece: int = 0
    """Which picture it is of, where several of one overpass are joined: the first with data gives a pixel."""

    def scaling_of(self, band: str) -> tuple[float, float]:
        """Scale and offset of one band."""
        return self.scaling[self.bands.index(band)] if self.scaling else (self.scale, self.offset)


@dataclass(frozen=True)
class Scene:
    """One picture of the ground: where its files are and how it was taken."""

    id: str
    """Unique within a run; a second scene with the same id is skipped as a duplicate."""
    assets: tuple[Asset, ...]
    """Its files, at least one."""
    sensor: str = "unknown"
    """Key into imagery.sensors.SENSORS."""
    taken_at: datetime | None = None
    """UTC, or None where nothing says it."""
    gsd_m: float | None = None
    """Ground sample distance in metres as stated by the user, for images without a map position."""
    sun_azimuth_deg: float | None = None
    """Clockwise from north, towards the sun."""
    sun_elevation_deg: float | None = None
    """Above the horizon."""
    off_nadir_deg: float | None = None
    """View angle off nadir."""
    clouds: Path | None = None
    """Folder of OmniCloudMask's weights, where its opinion was asked for: see ``imagery.clouds``."""
    simulated: bool = False
    """Painted, not photographed: every product made from it says SIMULATED."""
    properties: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """What else its source said: processing baseline, orbit, cloud cover, licence."""

    def __post_init__(self) -> None:
        if not self.id or not self.assets:
            raise InputError(f"scene {self.id!r} needs an id and at least one asset")
        if self.taken_at is not None and self.taken_at.tzinfo is None:
            raise InputError(f"scene {self.id!r}: time {self.taken_at} has no zone; give UTC")

    @property
    def bands(self) -> tuple[str, ...]:
        """All band names, in asset order; pictures that are joined have the same."""
        return tuple(band for asset in self.assets if asset.piece == 0 for band in asset.bands)


@dataclass(frozen=True)
class Refused:
    """A file that is not used, and why: it ends in the run's skips."""

    path: Path
    """The file or folder."""
    reason: str
    """Short slug, such as ``unreadable``, ``not-an-image``, ``vrt-refused``, ``duplicate-id``."""
    detail: str
    """One sentence with the value and the remedy."""
