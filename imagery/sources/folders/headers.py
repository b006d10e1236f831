"""What the header of a bare file and its name say together: bands, time, sensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from imagery.errors import UnreadableError
from imagery.sensors import SENSORS
from imagery.sources.files.rasterfile import RGB, Header
from imagery.sources.folders.names import NameFacts, tidy_band

SIMULATED_TAG = "YARDWATCH_SIMULATED"
"""TIFF tag of a painted image; its value is SIMULATED."""
SENSOR_TAG = "YARDWATCH_SENSOR"
"""TIFF tag that names a key of SENSORS."""

_SENTINEL_2 = {band.name for band in SENSORS["sentinel-2"].bands}


@dataclass(frozen=True)
class Bands:
    """Names of the bands of one file."""

    names: tuple[str, ...]
    """In file order, alpha left out."""
    source: str
    """Where they were read from."""


def band_names(
    header: Header, name: NameFacts, sensor: str | None, stated: Sequence[str] | None = None
) -> Bands:
    """Names of a file's bands.

    The first that applies: what the user states, descriptions in the file, the file name (one band),
    colour interpretation, the sensor's usual order for that many bands, ``band_1`` and so on.

    Raises:
        UnreadableError: The user states another number of bands than the file has, or the file names
            one band twice.
    """
    palette = header.colours == ("palette",) and name.band != "SCL" and header.descriptions != ("SCL",)
    count = 3 if palette else len(header.data_bands)
    if stated is not None:
        if len(stated) != count:
            raise UnreadableError(
                f"{header.path.name} has {count} bands, but {len(stated)} are named: {', '.join(stated)}",
                "band-mismatch",
            )
        return Bands(tuple(stated), "stated")
    described = tuple(tidy_band(header.descriptions[i]) for i in header.data_bands)
    colours = tuple(header.colours[i] for i in header.data_bands)
    if palette:
        found = Bands(RGB, "palette")
    elif all(described) and not (count == 1 and name.band):
        found = Bands(described, "band descriptions")
    elif count == 1 and name.band:
        found = Bands((name.band,), "file name")
    elif set(RGB) <= set(colours):
        extra = (c if c in RGB else f"band_{i}" for i, c in enumerate(colours, start=1))
        found = Bands(tuple(extra), "colour interpretation")
    else:
        found = _by_count(header, count, sensor)
    if len(set(found.names)) != count:
        raise UnreadableError(
            f"{header.path.name} names a band twice ({', '.join(found.names)}): state them with --bands",
            "band-mismatch",
        )
    return found


def _by_count(header: Header, count: int, sensor: str | None) -> Bands:
    orders = SENSORS[sensor].orders if sensor else ()
    usual = next((order for order in orders if len(order) == count), None)
    if usual:
        return Bands(usual, f"usual order of {sensor}")
    if count in (3, 4) and header.dtype == "uint8":
        return Bands((*RGB, "nir")[:count], "assumed order of an 8-bit picture")
    if count == 1:
        return Bands(("grey",), "single band")
    return Bands(tuple(f"band_{i}" for i in range(1, count + 1)), "not named")


def sensor_of(header: Header, name: NameFacts, bands: Sequence[str] = ()) -> str | None:
    """Key of the sensor by tag, file name, or the bands that it has."""
    tagged = header.tags.get(SENSOR_TAG, "")
    if tagged in SENSORS:
        return tagged
    return name.sensor or sensor_of_bands(bands)


def sensor_of_bands(bands: Sequence[str]) -> str | None:
    """Key of the sensor that these bands alone betray."""
    optical = set(bands) & _SENTINEL_2
    if len(optical - {"SCL"}) >= 2 and optical == set(bands):
        return "sentinel-2-l2a" if "SCL" in optical else "sentinel-2"
    if bands and set(bands) <= {"VV", "VH", "HH", "HV"}:
        return "sentinel-1"
    return "rgb" if tuple(bands[:3]) == RGB else None


def time_of(header: Header, name: NameFacts) -> tuple[datetime | None, str]:
    """When it was taken (UTC), and where that was read from.

    TIFFTAG_DATETIME may be the time at which a file was written. It therefore counts after the file
    name, and refines it where the name gives only that same day.
    """
    acquired = _tag_time(header.tags.get("ACQUISITIONDATETIME", ""))
    if acquired:
        return acquired, "tag ACQUISITIONDATETIME"
    written = _tag_time(header.tags.get("TIFFTAG_DATETIME", ""))
    if name.taken_at and name.day_only and written and written.date() == name.taken_at.date():
        return written, "file name and tag TIFFTAG_DATETIME"
    if name.taken_at:
        return name.taken_at, "file name, day only" if name.day_only else "file name"
    return (written, "tag TIFFTAG_DATETIME") if written else (None, "nowhere")


def _tag_time(text: str) -> datetime | None:
    for form in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        try:
            moment = datetime.strptime(text.strip()[:19], form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return moment if moment.year >= 1970 else None
    return None


def scale_of(header: Header) -> tuple[float, float]:
    """Scale and offset that the file states for its data bands.

    Raises:
        UnreadableError: Its bands state different ones.
    """
    stated = {header.scales[i] for i in header.data_bands} - {(1.0, 0.0)}
    if len(stated) > 1 or any(scale == 0 for scale, _ in stated):
        raise UnreadableError(
            f"{header.path.name}: scales and offsets {sorted(stated)}: one, not zero, is expected of a file",
            "mixed-scales",
        )
    return stated.pop() if stated else (1.0, 0.0)


def backscatter_of(header: Header, sensor: str) -> dict[str, str]:
    """What the values of a radar file are, as a property of its scene; nothing for other sensors.

    Only what the file or its product fixes is said: whole numbers of a GRD file are the linear amplitude.
    """
    if not sensor.startswith("sentinel-1"):
        return {}
    said = " ".join((header.path.stem, *header.descriptions, *header.tags.values()))
    if re.search(r"(?<![a-z])db(?![a-z])|decibel", said, re.IGNORECASE):
        return {"backscatter": "decibel"}
    if sensor == "sentinel-1-grd" and np.dtype(header.dtype).kind in "iu":
        return {"backscatter": "linear amplitude, not calibrated"}
    return {"backscatter": "linear power" if sensor == "sentinel-1-rtc" else "not stated"}


def is_simulated(header: Header) -> bool:
    """Whether the file says that it was painted."""
    return "SIMULATED" in header.tags.get(SIMULATED_TAG, "").upper()
