"""A STAC Item beside its assets, translated into a Scene. Only files inside the folder are ever opened."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from imagery.errors import UnreadableError
from imagery.grid import ground_gsd
from imagery.scenes import Asset, Scene
from imagery.sensors import SENSORS
from imagery.sources.files.rasterfile import Header, placed, read_header
from imagery.sources.folders.headers import backscatter_of, is_simulated
from imagery.sources.folders.stac_words import (
    PRODUCT,
    bands_named,
    is_visual,
    number,
    plain_key,
    roles,
    scale_named,
    sensor_named,
)
from imagery.sources.folders.walk import IMAGES, Found

MAX_JSON_BYTES = 10 * 2**20
"""A larger JSON file is no STAC Item."""

_IMAGE_TYPES = ("image/tiff", "image/png", "image/jpeg", "image/jp2", "image/vnd.stac.geotiff")
_NO_PIXELS = frozenset({"thumbnail", "overview", "metadata", "tiles"})
_AUXILIARY = frozenset({"aot", "wvp", "cloud", "snow", "preview", "thumbnail", "overview"})


@dataclass(frozen=True)
class Item:
    """A STAC Item as read from its file."""

    found: Found
    """The JSON file; its assets may not leave the root in which it was looked for."""
    body: Mapping[str, Any]
    """The Item."""

    @property
    def path(self) -> Path:
        """The JSON file."""
        return self.found.path

    @property
    def properties(self) -> Mapping[str, Any]:
        """What it says of the scene."""
        found = self.body.get("properties")
        return found if isinstance(found, dict) else {}

    @property
    def assets(self) -> dict[str, Mapping[str, Any]]:
        """Its assets by key, sorted."""
        found = self.body.get("assets")
        items = sorted(found.items()) if isinstance(found, dict) else ()
        return {key: a for key, a in items if isinstance(a, dict) and isinstance(a.get("href"), str)}

    @property
    def made_here(self) -> bool:
        """Whether it is of a raster that a run wrote: a result, no image of the ground."""
        return PRODUCT in self.properties

    def files(self) -> set[Path]:
        """Every local file that it names, resolved: none of them is a scene of its own."""
        hrefs = (asset["href"] for asset in self.assets.values())
        return {self.real(href) for href in hrefs if _is_local(href)}

    def real(self, href: str) -> Path:
        """A local file that it names, links resolved."""
        path = self.found.folder / href
        beside = path.parent == self.found.folder and path.name != ".."
        return path if beside and not os.path.islink(path) else path.resolve()

    def holds(self, href: str) -> bool:
        """Whether a local file that it names lies where its assets may lie."""
        real = self.real(href)
        return real.parent == self.found.folder or real.is_relative_to(self.found.root.resolve())


def read_item(found: Found) -> Item | None:
    """Read a JSON file; None where it holds something else than a STAC Item.

    Raises:
        UnreadableError: It is broken JSON.
    """
    path = found.path
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return None
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableError(f"{path.name} is no valid JSON ({error}): write or fetch it again") from error
    if isinstance(body, dict) and body.get("type") == "Feature" and "stac_version" in body:
        return Item(found, body)
    return None


def item_scene(item: Item, gsd_m: float | None) -> Scene:
    """Translate an Item; the header of each of its images is read.

    Args:
        item: The Item.
        gsd_m: Ground sample distance in metres of images without a map position, as the user states it.

    Raises:
        UnreadableError: No image is here, one is damaged or leaves the folder, or the Item says nothing
            that can be used.
    """
    properties = item.properties
    sensor = sensor_named(item.body.get("collection"), properties)
    stated_gsd = gsd_m or number(properties.get("gsd"))
    found = [_asset(item, key, asset, path, sensor) for key, asset, path in _images(item)]
    headers = [header for _, header in found]
    taken_at = _time(item)
    zenith = number(properties.get("s2:mean_solar_zenith"))
    elevation = number(properties.get("view:sun_elevation"))
    return Scene(
        id=_id(item),
        assets=_finest(found, stated_gsd),
        sensor=sensor,
        taken_at=taken_at,
        gsd_m=stated_gsd if any(header.grid is None for header in headers) else None,
        sun_azimuth_deg=number(properties.get("view:sun_azimuth", properties.get("s2:mean_solar_azimuth"))),
        sun_elevation_deg=90 - zenith if elevation is None and zenith is not None else elevation,
        off_nadir_deg=number(properties.get("view:off_nadir")),
        simulated=properties.get("yardwatch:simulated") is True or any(map(is_simulated, headers)),
        properties=MappingProxyType(
            {
                **{k: v for k, v in sorted(properties.items()) if isinstance(v, str | int | float | bool)},
                "collection": item.body.get("collection"),
                "item": str(item.path),
                "time_from": "STAC Item" if taken_at else "nowhere",
                "bands_from": "STAC Item",
                **backscatter_of(headers[0], sensor),
            }
        ),
    )


def _id(item: Item) -> str:
    found = item.body.get("id")
    if not isinstance(found, str) or not found.isprintable() or not 0 < len(found) <= 250 or ".." in found:
        raise UnreadableError(
            f"{item.path.name}: id {found!r} cannot be used; give a short plain one", "bad-item"
        )
    return found


def _images(item: Item) -> list[tuple[str, Mapping[str, Any], Path]]:
    """Assets with pixels that lie on this disk; pictures for looking at only where there is nothing else."""
    kept, elsewhere = [], []
    for key, asset in item.assets.items():
        kind, href = str(asset.get("type", "")), asset["href"]
        image = kind.startswith(_IMAGE_TYPES) or (not kind and Path(href).suffix.lower() in IMAGES)
        if not image or _NO_PIXELS & set(roles(asset)) or plain_key(key) in _AUXILIARY:
            continue
        path = Path(os.path.normpath(item.path.parent / href))
        if not _is_local(href):
            elsewhere.append(href)
        elif not item.holds(href):
            raise UnreadableError(
                f"{item.path.name}: asset {key!r} points out of the folder ({href}); copy the file into it",
                "outside-folder",
            )
        elif os.path.isfile(path):  # unlike Path.is_file, it takes any name
            kept.append((key, asset, path))
        else:
            elsewhere.append(href)
    if not kept:
        where = elsewhere[0] if elsewhere else "it names none"
        raise UnreadableError(
            f"{item.path.name}: none of its images is here ({where}): fetch them first", "assets-missing"
        )
    return [entry for entry in kept if not is_visual(entry[0], entry[1])] or kept


def _asset(item: Item, key: str, asset: Mapping[str, Any], path: Path, sensor: str) -> tuple[Asset, Header]:
    header = read_header(path)
    bands = bands_named(key, asset, header, sensor)
    scale, offset, nodata = scale_named(asset, bands, header)
    if item.properties.get("earthsearch:boa_offset_applied") is True:
        offset = 0.0  # Earth Search has taken it off the pixels, and advertises it all the same
    if nodata is None:
        nodata = SENSORS[sensor].nodata
    return Asset(path, bands, scale=scale, offset=offset, nodata=nodata), header


def _finest(found: list[tuple[Asset, Header]], gsd_m: float | None) -> tuple[Asset, ...]:
    """Assets in order of resolution, without those that only repeat a band more coarsely."""
    found = sorted(found, key=lambda pair: (ground_gsd(placed(pair[1], gsd_m)), pair[0].bands))
    kept: list[Asset] = []
    for asset, _ in found:
        if set(asset.bands) - {band for other in kept for band in other.bands}:
            kept.append(asset)
    return tuple(kept)


def _time(item: Item) -> datetime | None:
    text = item.properties.get("datetime") or item.properties.get("start_datetime")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableError(
            f"{item.path.name}: datetime {text!r} is none; write it as 2023-10-05T02:15:00Z", "bad-item"
        ) from error


def _is_local(href: str) -> bool:
    return "://" not in href and "\0" not in href and not href.startswith("/vsi")
