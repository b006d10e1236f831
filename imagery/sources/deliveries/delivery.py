"""Images that a provider delivers beside a file of its own that describes them."""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imagery.errors import UnreadableError
from imagery.scenes import Asset, Scene
from imagery.sensors import SENSORS
from imagery.sources.files.rasterfile import read_header
from imagery.sources.folders.bare import read_bare
from imagery.sources.folders.headers import is_simulated
from imagery.sources.folders.stac_words import number
from imagery.sources.folders.walk import IMAGES, Found


@dataclass(frozen=True)
class Facts:
    """What the description says of every image of a delivery."""

    sensor: str
    """Key into SENSORS."""
    taken_at: datetime | None = None
    """UTC; None where it does not say, and the image's own tags and name are asked."""
    sun_azimuth_deg: float | None = None
    """Clockwise from north."""
    sun_elevation_deg: float | None = None
    """Above the horizon."""
    off_nadir_deg: float | None = None
    """View angle at the satellite."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """Cloud cover (percent), platform, delivery type, licence."""


@dataclass(frozen=True)
class Picture:
    """One image of a delivery: one Scene."""

    found: Found
    """The file."""
    bands: tuple[str, ...]
    """Names of its bands by the description, in file order; empty where it does not say."""
    scaling: tuple[tuple[float, float], ...] = ()
    """(scale, offset) of each band; empty where stored values are taken as they are."""
    mask: Asset | None = None
    """Mask delivered with it, read as scene classes."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """What holds for this image alone: product, units, tile."""


@dataclass(frozen=True)
class Delivery:
    """A description and the images that it describes."""

    path: Path
    """The description."""
    facts: Facts
    """What it says."""
    pictures: tuple[Picture, ...]
    """Images that are read, a Scene each: tiles of one delivery are not joined."""
    claims: frozenset[Path]
    """Every file that belongs to it: none of them is a scene of its own."""


class Beside:
    """Files of the walk by folder, to find those beside a description."""

    def __init__(self, files: Iterable[Found]) -> None:
        self._names: dict[Path, list[str]] = {}
        self._found: dict[Path, Found] = {file.path: file for file in files}
        for path in sorted(self._found):
            self._names.setdefault(path.parent, []).append(path.name)

    def images(self, folder: Path, prefix: str) -> list[Found]:
        """Images in a folder whose name begins so, sorted."""
        names = self._names.get(folder, [])
        found = []
        for name in names[bisect.bisect_left(names, prefix) :]:
            if not name.startswith(prefix):
                break
            if Path(name).suffix.lower() in IMAGES:
                found.append(self._found[folder / name])
        return found

    def named(self, description: Found, href: str) -> Found | None:
        """The file that a description names relative to itself; None where it was not found.

        Raises:
            UnreadableError: The name leads out of the folder that was given.
        """
        path = Path(os.path.normpath(description.path.parent / href))
        if "\0" in href or not path.resolve().is_relative_to(description.root.resolve()):
            raise UnreadableError(
                f"{description.path.name} points out of the folder ({href[:200]!r}); copy the file into it",
                "outside-folder",
            )
        return self._found.get(path)


def scene_of(delivery: Delivery, picture: Picture, gsd_m: float | None) -> Scene:
    """Translate one image of a delivery; what its description says comes before tags and name.

    Args:
        delivery: The delivery.
        picture: One of its images.
        gsd_m: Ground sample distance in metres, used where the image has no map position.

    Raises:
        UnreadableError: The image is damaged, or has other bands than its description says.
    """
    facts = delivery.facts
    header = read_header(picture.found.path)
    count = len(header.data_bands)
    if picture.bands and len(picture.bands) != count:
        raise UnreadableError(
            f"{picture.found.path.name} has {count} bands, but {delivery.path.name} describes "
            f"{len(picture.bands)} ({', '.join(picture.bands)}): fetch the delivery again",
            "band-mismatch",
        )
    bare = read_bare(picture.found, gsd_m, picture.bands or None).scene
    asset = replace(bare.assets[0], nodata=SENSORS[facts.sensor].nodata)
    if picture.scaling:
        asset = _scaled(asset, picture.scaling)
    return replace(
        bare,
        assets=(asset, picture.mask) if picture.mask else (asset,),
        sensor=facts.sensor,
        taken_at=facts.taken_at or bare.taken_at,
        sun_azimuth_deg=facts.sun_azimuth_deg,
        sun_elevation_deg=facts.sun_elevation_deg,
        off_nadir_deg=facts.off_nadir_deg,
        simulated=is_simulated(header),
        properties=MappingProxyType(
            {
                **bare.properties,
                **{key: value for key, value in facts.properties.items() if value not in ("", None)},
                **picture.properties,
                "described_by": delivery.path.name,
                "time_from": delivery.path.name if facts.taken_at else bare.properties["time_from"],
                "bands_from": delivery.path.name if picture.bands else bare.properties["bands_from"],
            }
        ),
    )


def _scaled(asset: Asset, scaling: tuple[tuple[float, float], ...]) -> Asset:
    if len(set(scaling)) == 1:
        return replace(asset, scale=scaling[0][0], offset=scaling[0][1])
    return replace(asset, scaling=scaling)


def moment(text: object, where: Path) -> datetime | None:
    """A time of a description as UTC; None where it says none.

    Raises:
        UnreadableError: It is no time.
    """
    if text is None or text == "":
        return None
    try:
        found = datetime.fromisoformat(str(text))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableError(
            f"{where.name}: time {str(text)[:60]!r} is none; write it as 2023-10-05T02:15:00Z", "bad-time"
        ) from error


def angle(value: object, where: Path, low: float, high: float) -> float | None:
    """An angle of a description in degrees; None where it says none.

    Raises:
        UnreadableError: It is no number between ``low`` and ``high``.
    """
    if value is None or value == "":
        return None
    found = number(value)
    if found is None or not low <= found <= high:
        raise UnreadableError(
            f"{where.name}: angle {str(value)[:60]!r} lies not between {low:g} and {high:g} degrees",
            "bad-item",
        )
    return found
