"""What a catalogue offers: pictures elsewhere, checked before any name or address of a stranger is used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from shapely.geometry.base import BaseGeometry

from imagery.errors import InputError
from imagery.period import Period
from imagery.sensors import SENSORS
from imagery.sources.network.secret import bare_href
from imagery.textfile import short

Driver = Literal["GTiff", "JP2OpenJPEG"]
"""GDAL's drivers for what is fetched: name it when opening, so that nothing else (a VRT) is ever read."""

MAX_NAME = 160
"""Longest id: it becomes the name of a folder, with endings added."""
MAX_HREF = 2_000

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CONTROL = re.compile(r"[\x00-\x20\x7f\\]")
_DIGESTS = {"11": 20, "12": 32, "13": 64, "14": 64, "16": 32, "d501": 16}
"""Codes of multihash (SHA-1, SHA-2, SHA-3, MD5) and the length of their digests in bytes."""


@dataclass(frozen=True)
class RemoteBand:
    """One band of a picture that lies elsewhere."""

    name: str
    """As imagery.sensors calls it: ``B04``, ``SCL``, ``VV``; ``CLD`` is a cloud probability in percent."""
    href: str
    """Where it lies, without query and credentials: ``http(s)``, ``s3`` where the catalogue knows the
    bucket, or an absolute local path inside a static catalogue's folder."""
    scale: float = 1.0
    """Physical value = stored value x scale + offset: the rule of the offer, not the file's own claim."""
    offset: float = 0.0
    """See scale."""
    nodata: float | None = None
    """Stored value that means no data."""
    gsd_m: float | None = None
    """Ground sample distance in metres, None where nothing says it."""
    checksum: str | None = None
    """Multihash of the whole remote file (hexadecimal), None where none or no valid one is given."""
    size_bytes: int | None = None
    """Size of the whole remote file."""
    driver: Driver = "GTiff"
    """The only driver that may open it."""
    index: int = 1
    """Which band of the file, from 1."""

    def __post_init__(self) -> None:
        if not _SAFE.fullmatch(self.name) or len(self.name) > 32:
            raise InputError(f"band name {short(self.name)} is none: letters, digits, - and _ only")
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)) or self.scale == 0:
            raise InputError(f"band {self.name}: scale {self.scale} and offset {self.offset} cannot be used")
        if self.href != bare_href(self.href) and "://" in self.href:
            raise InputError(f"band {self.name}: keep its href without query and user")


@dataclass(frozen=True, eq=False)
class Offer:
    """One picture in a catalogue, translated: how it was taken, and where its bands lie."""

    id: str
    """As its catalogue calls it; safe as the name of a folder, unique within provider and collection."""
    product: str
    """What the picture is called in every collection: platform, datatake, orbit and tile, without
    processing baseline and discriminator."""
    provider: str
    """Name of the catalogue."""
    collection: str
    """Collection in it."""
    sensor: str
    """Key into imagery.sensors.SENSORS."""
    taken_at: datetime
    """UTC."""
    lon: float
    """Longitude in degrees at which the local day is told: that of the place that was searched."""
    datatake: str
    """Platform and start of the datatake: pictures of one overpass share it."""
    bands: tuple[RemoteBand, ...]
    """At least one, names unique."""
    footprint: BaseGeometry
    """Polygon in longitude and latitude, of the pixels with data where the catalogue gives it."""
    rule: str
    """Name of the harmonisation rule behind every scale, offset and nodata."""
    grid_code: str = ""
    """Such as ``MGRS-52TFM``, empty where there is none."""
    relative_orbit: int | None = None
    """Track."""
    orbit_state: str = ""
    """``ascending``, ``descending`` or empty."""
    baseline: str = ""
    """Processing baseline, such as ``05.11``."""
    cloud_cover: float | None = None
    """Percent of the whole picture, as the provider says."""
    sun_azimuth_deg: float | None = None
    """Clockwise from north, towards the sun."""
    sun_elevation_deg: float | None = None
    """Above the horizon."""
    view_azimuth_deg: float | None = None
    """Clockwise from north, towards the satellite."""
    off_nadir_deg: float | None = None
    """View angle: off nadir, or incidence where only that is given."""
    placed_by: Literal["transform", "gcps"] = "transform"
    """``gcps``: its transform is invented; warp it by its ground control points, never read it as it is."""
    rank: int = 0
    """Among offers of one product and provider the lowest is taken."""
    properties: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Plain facts of the Item (text, numbers, true or false), kept for the record."""

    def __post_init__(self) -> None:
        safe_name(self.id)
        safe_name(self.datatake)
        if self.taken_at.tzinfo is None or self.sensor not in SENSORS:
            raise InputError(
                f"offer {self.id}: give UTC and a known sensor, not {self.taken_at}, {self.sensor}"
            )
        names = [band.name for band in self.bands]
        if not names or len(set(names)) != len(names):
            raise InputError(f"offer {self.id} names no band, or one twice: {', '.join(names) or 'none'}")
        if self.footprint.is_empty or not -180 <= self.lon <= 180:
            raise InputError(f"offer {self.id} has no footprint, or longitude {self.lon} is none")

    @property
    def solar_day(self) -> date:
        """Local day by the sun: a dawn pass east of Greenwich belongs to the day after its UTC date."""
        return (self.taken_at.astimezone(UTC) + timedelta(hours=self.lon / 15)).date()

    @property
    def size_bytes(self) -> int | None:
        """Size of all its files, None where the catalogue does not give every one."""
        sizes = [band.size_bytes for band in self.bands]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def band(self, name: str) -> RemoteBand:
        """The band of that name.

        Raises:
            InputError: The offer has none.
        """
        found = next((band for band in self.bands if band.name == name), None)
        if found is None:
            raise InputError(
                f"offer {self.id} has no band {name}; it has {', '.join(b.name for b in self.bands)}"
            )
        return found


@dataclass(frozen=True)
class Refusal:
    """An item of a catalogue that is not used, and why: it ends in the ledger as rejected."""

    id: str
    """The item's id; where it is not safe as a name, a short quotation of it."""
    provider: str
    """Name of the catalogue."""
    collection: str
    """Collection in it."""
    reason: str
    """Short slug, which is also the name of the rule: ``unsafe-id``, ``href-refused``, ``unknown-rule``."""
    detail: str
    """One sentence with the value and the remedy."""
    sensor: str = "unknown"
    """Key of the sensor where it is known."""
    taken_at: datetime | None = None
    """UTC, None where the item does not say it in a usable way."""
    solar_day: date | None = None
    """Local day by the sun, None without a time."""


@dataclass(frozen=True)
class Gap:
    """Days about which a catalogue could not be asked to the end: they are failed, not missing."""

    provider: str
    """Name of the catalogue."""
    collection: str
    """Collection in it."""
    sensor: str
    """Key of the sensor."""
    period: Period
    """The days; some offers of them may have been given."""
    detail: str
    """The last error, without credentials."""


def safe_name(text: object) -> str:
    """An id from outside, if it can be the name of a folder as it is.

    Raises:
        InputError: Empty, over-long, hidden, with ``..``, a separator, a space or a control character.
    """
    if (
        not isinstance(text, str)
        or len(text) > MAX_NAME
        or not _SAFE.fullmatch(text)
        or ".." in text
        or text.endswith(".")
    ):
        raise InputError(
            f"id {short(text)} cannot name a folder: 1 to {MAX_NAME} letters, digits, '.', '-' and '_', "
            "starting with a letter or digit, are accepted"
        )
    return text


def safe_href(href: object, schemes: tuple[str, ...] = ("https", "http")) -> str:
    """An address from outside, without query and user, if it can be read from.

    Raises:
        InputError: Another scheme (``file``, ``/vsi``, a path), no host, an unprintable character, a way
            upwards, or a VRT.
    """
    if not isinstance(href, str) or not 0 < len(href) <= MAX_HREF or _CONTROL.search(href):
        raise InputError(f"href {short(href)} is no address")
    try:
        parts = urlsplit(href)
        host = parts.hostname
    except ValueError as error:
        raise InputError(f"href {short(bare_or_cut(href))} is no address ({error})") from None
    path = unquote(parts.path)
    if parts.scheme not in schemes or not host:
        raise InputError(
            f"href {short(bare_or_cut(href))} is refused: only {' and '.join(schemes)} addresses are read"
        )
    if ".." in path.split("/") or "/vsi" in path.lower() or _CONTROL.search(path):
        raise InputError(f"href {short(bare_href(href))} is refused: its path leads elsewhere")
    if path.lower().rstrip("/").endswith(".vrt"):
        raise InputError(f"href {short(bare_href(href))} is a GDAL VRT, which may point anywhere")
    return bare_href(href)


def bare_or_cut(href: str) -> str:
    """An address that may be broken, as a message shows it."""
    return href.partition("?")[0].rpartition("@")[2]


def multihash(text: object) -> str | None:
    """A checksum in the form of the file extension (hexadecimal multihash), None for anything else.

    Some providers write a bare MD5 there: without its code nobody can tell what it is.
    """
    if not isinstance(text, str) or not re.fullmatch(r"(?:[0-9a-f]{2}){4,132}", text.lower()):
        return None
    text = text.lower()
    for code, length in _DIGESTS.items():
        if text == f"{code}{length:02x}{text[-2 * length :]}":
            return text
    return None
