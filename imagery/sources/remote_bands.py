"""The bands of an Item that lies elsewhere: known assets only, each with a checked address and one driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from imagery.errors import InputError, UnreadableError
from imagery.sensors import CLASS_BANDS
from imagery.sources.folders.stac_words import number
from imagery.sources.offers import Driver, RemoteBand, multihash
from imagery.sources.values.harmonise import Rule
from imagery.textfile import short

Address = Callable[[Mapping[str, Any]], str]
"""The href of an asset, checked and without credentials; raises InputError."""

CLOUD_BAND = "CLD"
"""Cloud probability in percent: 0 is a value, whatever the Item advertises as nodata."""

_PLAIN = CLASS_BANDS | {CLOUD_BAND}
_ENDINGS: Mapping[str, Driver] = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG"}
_TYPES: Mapping[str, Driver] = {
    "image/tiff": "GTiff",
    "image/geotiff": "GTiff",
    "image/x.geotiff": "GTiff",
    "image/vnd.stac.geotiff": "GTiff",
    "image/jp2": "JP2OpenJPEG",
}


def remote_bands(
    assets: Mapping[str, Any], wanted: Mapping[str, str], rule: Rule, address: Address
) -> tuple[RemoteBand, ...]:
    """Translate the assets that are wanted; no other is looked at.

    Args:
        assets: Of the Item, by key.
        wanted: Asset key to band name; of several keys for one band the first that is there counts.
        rule: Scale, offset and nodata of all but classes and cloud probability.
        address: Checks an href.

    Raises:
        UnreadableError: An address is refused (``href-refused``), or no band is there (``no-bands``).
    """
    found: dict[str, RemoteBand] = {}
    for key, name in wanted.items():
        asset = assets.get(key)
        if name in found or not isinstance(asset, Mapping):
            continue
        try:
            href = address(asset)
            driver = _driver(asset, href)
        except InputError as error:
            if name == CLOUD_BAND:
                continue  # a help where it can be had
            raise UnreadableError(f"asset {key}: {error}", "href-refused") from None
        plain = name in _PLAIN
        found[name] = RemoteBand(
            name=name,
            href=href,
            scale=1.0 if plain else rule.scale,
            offset=0.0 if plain else rule.offset,
            nodata=None if name == CLOUD_BAND else 0.0 if plain else rule.nodata,
            gsd_m=_gsd(asset),
            checksum=multihash(asset.get("file:checksum")),
            size_bytes=_size(asset.get("file:size")),
            driver=driver,
        )
    if not set(found) - _PLAIN:
        raise UnreadableError(f"none of the assets {', '.join(wanted)} is there", "no-bands")
    return tuple(found.values())


def _driver(asset: Mapping[str, Any], href: str) -> Driver:
    """By media type, else by ending: a VRT or whatever else can point elsewhere is neither."""
    kind = asset.get("type")
    if isinstance(kind, str) and kind.strip():
        driver = _TYPES.get(kind.partition(";")[0].strip().lower())
    else:
        driver = next((one for end, one in _ENDINGS.items() if href.lower().endswith(end)), None)
    if driver is None:
        raise InputError(f"{href} of type {short(kind)} is refused: only GeoTIFF and JPEG 2000 are read")
    return driver


def _gsd(asset: Mapping[str, Any]) -> float | None:
    """Metres; STAC 1.0 and 1.1 have four places for it."""
    entries = [asset.get(key) for key in ("raster:bands", "bands")]
    firsts = [entry[0] for entry in entries if isinstance(entry, list) and entry]
    for place in (asset, *(first for first in firsts if isinstance(first, Mapping))):
        for key in ("gsd", "spatial_resolution", "raster:spatial_resolution"):
            found = number(place.get(key))
            if found is not None and 0 < found < 1e5:
                return found
    return None


def _size(value: object) -> int | None:
    found = number(value)
    return int(found) if found is not None and 0 < found < 2**50 else None
