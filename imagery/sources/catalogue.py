"""What every catalogue can do: be searched, and say at read time how a band is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import rasterio
from rasterio.session import Session

from imagery.period import Period
from imagery.sources.files.rasterfile import CACHE_BYTES
from imagery.sources.network.secret import Secret
from imagery.sources.offers import Gap, Offer, Refusal

Answer = Offer | Refusal | Gap
"""What a search gives: a picture, an item that is not used, or days that could not be asked about."""
Bbox = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

REMOTE = MappingProxyType(
    {
        "GDAL_CACHEMAX": CACHE_BYTES,
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no look for files beside it
        "CPL_VSIL_CURL_USE_HEAD": "YES",  # without it GDAL asks for the whole file to learn its size
        "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/:/vsiaz/:/vsis3/",  # a failure is not remembered
        "CPL_VSIL_CURL_AUTHORIZATION_HEADER_ALLOWED_IF_REDIRECT": "NO",
        "GDAL_HTTP_MAX_RETRY": 0,  # who reads tries again, and signs anew
        "GDAL_HTTP_CONNECTTIMEOUT": 20,
        "GDAL_HTTP_LOW_SPEED_TIME": 30,
        "GDAL_HTTP_LOW_SPEED_LIMIT": 1000,  # bytes a second
        "CPL_DEBUG": "OFF",  # GDAL's debug lines show signed addresses
    }
)
"""GDAL's settings for reading from elsewhere."""


@dataclass(frozen=True, eq=False)
class Access:
    """How a band is read now. Its path and options may be shown; its credentials cannot be."""

    path: str
    """For ``rasterio.open`` together with the band's driver: ``/vsicurl/https://...``, ``/vsiaz/...``,
    ``/vsis3/...``, or a local file."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """GDAL's options that are no secret, such as an endpoint."""
    credentials: Mapping[str, Secret] = field(default_factory=lambda: MappingProxyType({}))
    """GDAL's options that are secret: headers, keys, a token."""

    def env(self, **more: Any) -> rasterio.Env:
        """GDAL's settings to open and read it in: ``with access.env(), rasterio.open(access.path, ...)``.

        Credentials are handed over as a session: rasterio neither shows nor logs what is in one.

        Args:
            more: Further options of GDAL, which win.
        """
        return rasterio.Env(session=_Keys(self.credentials), **{**REMOTE, **self.options, **more})


class _Keys(Session):  # type: ignore[misc]
    """Credentials in the one form in which rasterio takes them without boto3."""

    def __init__(self, held: Mapping[str, Secret]) -> None:
        self._held = held

    @property
    def credentials(self) -> dict[str, str]:
        return self.get_credential_options()

    def get_credential_options(self) -> dict[str, str]:
        return {name: secret.reveal() for name, secret in self._held.items()}


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

    def access(self, href: str, renew: bool = False) -> Access:
        """How a band of one of its offers is read now. Ask again, with ``renew``, after a failed read.

        Args:
            href: ``RemoteBand.href``.
            renew: Sign anew, even where the last token should still be good.

        Raises:
            UnreadableError: A credential is missing or was not accepted (``credentials``), or the signing
                service does not answer.
        """
        ...
