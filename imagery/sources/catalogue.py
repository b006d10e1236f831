"""What every catalogue can do: be searched, and say at read time how a band is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from imagery.period import Period
from imagery.sources.offers import Gap, Offer, Refusal

Answer = Offer | Refusal | Gap
"""What a search gives: a picture, an item that is not used, or days that could not be asked about."""
Bbox = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True, eq=False)
class Access:
    """How a band is read now. Holds credentials: never stored, shown or hashed."""

    gdal_path: str = field(repr=False)
    """For ``rasterio.open``, with the band's driver: ``/vsicurl/https://...?sig=...``, ``/vsis3/...``."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """For ``rasterio.Env``: headers, keys, endpoint."""


class Catalogue(Protocol):
    """A place where pictures are offered."""

    @property
    def name(self) -> str:
        """The provider's name in every record."""
        ...

    def search(self, bbox: Bbox, period: Period, sensors: Collection[str]) -> Iterator[Answer]:
        """Everything that it has of a place and a time; duplicates of one product included.

        Args:
            bbox: West, south, east, north in degrees; the middle says which local day it is.
            period: UTC days.
            sensors: Keys of imagery.sensors.SENSORS; those that it does not have give nothing.

        Yields:
            Offers and Refusals as the pages come; a Gap where a page could not be had.
        """
        ...

    def access(self, href: str) -> Access:
        """How a band of one of its offers is read, signed now. Ask again after 401 or 403.

        Args:
            href: ``RemoteBand.href``.

        Raises:
            UnreadableError: A credential is missing or was not accepted (``credentials``), or the signing
                service does not answer.
        """
        ...
