"""How Sentinel's own names tell which picture it is, whoever offers it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SENTINEL_2 = re.compile(
    r"(?P<platform>S2[A-D])_MSI(?P<level>L1C|L2A)_(?P<start>\d{8}T\d{6})(?:_N(?P<baseline>\d{4}))?"
    r"_R(?P<orbit>\d{3})_T(?P<tile>\d{2}[A-Z]{3})(?:_\d{8}T\d{6})?(?:\.SAFE)?"
)
_SENTINEL_1 = re.compile(
    r"(?P<platform>S1[A-D])_(?P<mode>IW|EW|S[1-6]|WV)_(?P<kind>GRD[FHM]|SLC_)_\d[SA](?P<poles>[SD][HV])"
    r"_(?P<start>\d{8}T\d{6})_(?P<stop>\d{8}T\d{6})_(?P<orbit>\d{6})_(?P<take>[0-9A-F]{6})"
)


@dataclass(frozen=True)
class Product:
    """A picture as its agency names it, without processing baseline and discriminator."""

    name: str
    """The same in every collection that has it."""
    datatake: str
    """Shared by all pictures of one overpass."""
    level: str
    """``L1C``, ``L2A`` or ``GRD``."""
    baseline: str = ""
    """Such as ``05.11``; empty where the name does not say it."""
    relative_orbit: int | None = None
    """Track."""
    grid_code: str = ""
    """Such as ``MGRS-52TFM``."""


def product_named(item_id: str, properties: Mapping[str, Any]) -> Product | None:
    """The product behind an Item, by the names that it gives; None where none is an agency's."""
    for text in (properties.get("s2:product_uri"), properties.get("s1:product_identifier"), item_id):
        if isinstance(text, str):
            found = _sentinel_2(text) or _sentinel_1(text)
            if found:
                return found
    return None


def _sentinel_2(text: str) -> Product | None:
    match = _SENTINEL_2.fullmatch(text)
    if not match:
        return None
    platform, start, orbit, tile = (match[key] for key in ("platform", "start", "orbit", "tile"))
    number = match["baseline"]
    return Product(
        name=f"{platform}_MSI{match['level']}_{start}_R{orbit}_T{tile}",
        datatake=f"{platform}_{start}",  # a datatake is named by its start, which every tile repeats
        level=match["level"],
        baseline=f"{number[:2]}.{number[2:]}" if number else "",
        relative_orbit=int(orbit),
        grid_code=f"MGRS-{tile}",
    )


def _sentinel_1(text: str) -> Product | None:
    match = _SENTINEL_1.match(text)
    if not match:
        return None
    return Product(
        name=match[0],
        datatake=f"{match['platform']}_{match['orbit']}_{match['take']}",
        level="GRD",
    )
