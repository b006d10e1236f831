"""How many bytes a fetch will take, before any file is opened: rough, and called so wherever it is shown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from imagery.sensors import CLASS_BANDS, SENSORS
from imagery.sources.network.copy import DEGREE_M, Window
from imagery.sources.offers import Offer, RemoteBand
from imagery.sources.remote_bands import CLOUD_BAND

BLOCK = 1024
"""Side in pixels of the blocks in which the large catalogues store their files."""


@dataclass(frozen=True)
class Bytes:
    """Estimated sizes of one or more scenes."""

    pixels: int
    """Of the windows in memory."""
    stored: int
    """On the disk."""
    moved: int
    """Read from servers, in whole blocks."""

    @classmethod
    def sum(cls, parts: Iterable[Bytes]) -> Bytes:
        """All together."""
        each = [(part.pixels, part.stored, part.moved) for part in parts]
        return cls(*(sum(column) for column in zip(*each, strict=True))) if each else cls(0, 0, 0)


def estimate(window: Window, offer: Offer, band: RemoteBand) -> Bytes:
    """One band: window and touched blocks x type x usual compression.

    Args:
        window: What is cut out.
        offer: The picture.
        band: One of its bands.
    """
    known = {one.name: one.gsd_m for one in SENSORS[offer.sensor].bands}
    gsd_m = band.gsd_m or known.get(band.name) or SENSORS[offer.sensor].gsd_m or 10.0
    small = band.name in CLASS_BANDS | {CLOUD_BAND}
    # Compressed to such a share, and a third more for overviews: real windows of 4.5 km came to 0.86 to 0.99
    # of their pixels (Sentinel-2), 0.03 (its classes) and 0.89 (Sentinel-1 RTC, too small for overviews).
    each, kept = (1, 0.2) if small else (4, 0.9) if offer.sensor == "sentinel-1-rtc" else (2, 0.7)
    west, south, east, north = window.widened
    wide = (east - west) * DEGREE_M * math.cos(math.radians((south + north) / 2)) / gsd_m
    high = (north - south) * DEGREE_M / gsd_m
    # A window of random place touches so many blocks on average.
    blocks = (wide / BLOCK + 1) * (high / BLOCK + 1)
    pixels = wide * high * each
    return Bytes(round(pixels), round(pixels * kept * 4 / 3), round(blocks * BLOCK**2 * each * kept))
