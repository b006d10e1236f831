"""The words of STAC, 1.0 and 1.1, in which providers name sensors, bands, scales and nodata."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from imagery.errors import UnreadableError
from imagery.sensors import CLASS_BANDS, SENSORS
from imagery.sources.files.rasterfile import RGB, Header
from imagery.sources.folders.headers import band_names, scale_of
from imagery.sources.folders.names import read_name, tidy_band

PRODUCT = "yardwatch:made"
"""Property of an Item that a run wrote: what was made. A tile folder takes none of these for an image."""

_SENTINEL_2 = {
    "coastal": "B01",
    "blue": "B02",
    "green": "B03",
    "red": "B04",
    "rededge1": "B05",
    "rededge2": "B06",
    "rededge3": "B07",
    "nir": "B08",
    "nir08": "B8A",
    "nir09": "B09",
    "swir16": "B11",
    "swir22": "B12",
    "scl": "SCL",
}


def sensor_named(collection: object, properties: Mapping[str, Any]) -> str:
    """Key of the sensor by collection, constellation, platform and instruments."""
    instruments = properties.get("instruments")
    words = [
        str(word).lower().replace(" ", "-")
        for word in (
            properties.get("yardwatch:sensor"),
            collection,
            properties.get("constellation"),
            properties.get("platform"),
            *(instruments if isinstance(instruments, list) else ()),
        )
        if word
    ]
    text = " ".join(words)
    if "sentinel-2" in text or "sentinel-s2" in text:
        level = f"{text} {properties.get('s2:product_type')} {properties.get('product:type')}".lower()
        return "sentinel-2-l2a" if "l2a" in level or "msi2a" in level else "sentinel-2"
    if "sentinel-1" in text:
        product = f"{text} {properties.get('sar:product_type')}".lower()
        return next((f"sentinel-1-{kind}" for kind in ("rtc", "grd") if kind in product), "sentinel-1")
    exact = next((word for word in words if word in SENSORS), None)
    known = ("planetscope", "skysat", "landsat")
    return exact or next((name for name in known if name in text), "unknown")


def plain_key(key: str) -> str:
    """Asset key without resolution or format: ``B02_10m`` is ``b02``, ``red-jp2`` is ``red``."""
    return re.sub(r"(_(10|20|60)m)?(-jp2)?$", "", key.lower())


def is_visual(key: str, asset: Mapping[str, Any]) -> bool:
    """Whether an asset is a picture made for looking at."""
    return plain_key(key) in {"visual", "tci"} or "visual" in roles(asset)


def roles(asset: Mapping[str, Any]) -> list[str]:
    """Roles of an asset."""
    found = asset.get("roles")
    return [str(role) for role in found] if isinstance(found, list) else []


def bands_named(key: str, asset: Mapping[str, Any], header: Header, sensor: str) -> tuple[str, ...]:
    """Band names by the Item where they fit the file, by the file itself where not.

    Raises:
        UnreadableError: Two bands of the file have one name.
    """
    count = len(header.data_bands)
    if is_visual(key, asset) and count == 3:
        return RGB
    described = _entries(asset, "bands") or _entries(asset, "eo:bands")
    names = [str(b.get("name") or b.get("eo:common_name") or b.get("common_name") or "") for b in described]
    if len(names) != count or not all(names):
        names = [plain_key(key)] if count == 1 else [header.descriptions[i] for i in header.data_bands]
    if not all(names):
        return band_names(header, read_name(header.path.stem), sensor).names
    if sensor.startswith("sentinel-2"):
        names = [_SENTINEL_2.get(name.lower(), name) for name in names]
    tidy = tuple(tidy_band(name) for name in names)
    if len(set(tidy)) != len(tidy):
        raise UnreadableError(
            f"{header.path.name}: asset {key!r} names a band twice ({', '.join(tidy)})", "band-mismatch"
        )
    return tidy


def scale_named(
    asset: Mapping[str, Any], bands: tuple[str, ...], header: Header
) -> tuple[float, float, float | None]:
    """Scale, offset and nodata by the Item, else by the file.

    Raises:
        UnreadableError: Bands of one file have different scales.
    """
    entries = _entries(asset, "raster:bands") or _entries(asset, "bands") or [{}]
    each = [*entries, *entries[-1:] * (len(bands) - len(entries))]
    stated = {
        (_first("scale", 1.0, entry, asset), _first("offset", 0.0, entry, asset))
        for band, entry in zip(bands, each, strict=False)
        if band not in CLASS_BANDS
    } - {(1.0, 0.0)}
    if len(stated) > 1 or any(scale == 0 for scale, _ in stated):
        raise UnreadableError(
            f"{header.path.name}: scales and offsets {sorted(stated)}: one, not zero, is expected of a file",
            "mixed-scales",
        )
    scale, offset = stated.pop() if stated else scale_of(header)
    nodata = [number(source.get("nodata")) for source in (entries[0], asset)]
    return scale, offset, next((value for value in nodata if value is not None), None)


def number(value: Any) -> float | None:
    """A finite number, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def _first(key: str, default: float, *sources: Mapping[str, Any]) -> float:
    """The first number under ``key`` or ``raster:key``."""
    found = (number(source.get(name)) for source in sources for name in (key, f"raster:{key}"))
    return next((value for value in found if value is not None), default)


def _entries(asset: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = asset.get(key)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
