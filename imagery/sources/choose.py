"""A catalogue by its name, or by a short mapping in a config for any other STAC API or static catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from imagery.errors import ConfigError
from imagery.sensors import SENSORS
from imagery.sources.catalogue import Access, Catalogue
from imagery.sources.copernicus import Copernicus
from imagery.sources.earth_search import earth_search, earth_search_v2
from imagery.sources.network.secret import Secret, from_environment
from imagery.sources.network.web import Web
from imagery.sources.offers import safe_name
from imagery.sources.planetary_computer import PlanetaryComputer
from imagery.sources.stac import POLARISATIONS, SENTINEL_2_COMMON, StacApi
from imagery.sources.static_catalogue import StaticCatalogue
from imagery.sources.translate import Dialect
from imagery.sources.values.harmonise import Quantity, Rule

KNOWN: Mapping[str, Callable[[Web], Catalogue]] = {
    "earth-search": earth_search,
    "earth-search-v2": earth_search_v2,
    "planetary-computer": PlanetaryComputer,
    "copernicus": Copernicus,
}
"""Catalogues that need no more than their name."""


class CollectionMapping(BaseModel):
    """One collection of another catalogue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    collection: str = Field(min_length=1, max_length=200)
    """Its id."""
    sensor: str
    """Key into imagery.sensors.SENSORS."""
    assets: dict[str, str] = Field(default_factory=dict)
    """Asset key to band name; those of Earth Search for Sentinel-2, polarisations for Sentinel-1."""
    like: str | None = None
    """``PROVIDER/COLLECTION`` whose harmonisation rules hold here, such as
    ``planetary-computer/sentinel-2-l2a``; otherwise scale, offset and nodata as given."""
    scale: float = 1.0
    """Physical value = stored value x scale + offset."""
    offset: float = 0.0
    """See scale."""
    nodata: float | None = None
    """Stored value that means no data."""
    quantity: Quantity = "reflectance"
    """What the physical value is."""
    placed_by_gcps: bool = False
    """Its files have ground control points only, whatever transform the Items state."""

    @model_validator(mode="after")
    def _fits(self) -> CollectionMapping:
        if self.sensor not in SENSORS:
            raise ValueError(f"sensor {self.sensor!r} is none of {', '.join(SENSORS)}")
        given = {"scale", "offset", "nodata", "quantity"} & self.model_fields_set
        if self.like is not None and (given or self.like.count("/") != 1):
            raise ValueError(
                "like is PROVIDER/COLLECTION, and stands instead of scale, offset, nodata, quantity"
            )
        if self.like is None and not {"scale", "offset"} <= self.model_fields_set:
            raise ValueError("give like, or both scale and offset: they are never guessed")
        if not self.assets and not self.sensor.startswith("sentinel-"):
            raise ValueError("give assets: asset key to band name")
        return self


class CatalogueMapping(BaseModel):
    """Another catalogue, in a few lines of a config."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What it is called in every record."""
    url: str
    """Root of the API; for a static catalogue the address or path of its root file."""
    static: bool = False
    """JSON files that link to each other, in place of an API."""
    collections: tuple[CollectionMapping, ...] = Field(min_length=1)
    """What is searched."""
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP header to the name of the environment variable that holds its value."""
    header_hosts: tuple[str, ...] = ()
    """Hosts of files that are sent the headers besides the API's own."""

    @model_validator(mode="after")
    def _fits(self) -> CatalogueMapping:
        safe_name(self.name)
        if self.name in KNOWN:
            raise ValueError(f"name {self.name!r} is taken by a known catalogue: choose another")
        if self.static and self.headers:
            raise ValueError("headers are for APIs; a static catalogue is read without")
        parts = urlsplit(self.url)
        if parts.username or parts.query or (parts.scheme not in ("http", "https") and not self.static):
            raise ValueError("url is an http(s) address without user and query; keys belong in headers")
        return self


class MappedApi(StacApi):
    """A STAC API of a config, whose headers go to the API and to the hosts that the config names."""

    def __init__(
        self,
        name: str,
        url: str,
        dialects: list[Dialect],
        web: Web,
        headers: Mapping[str, Secret],
        hosts: set[str],
    ) -> None:
        """See StacApi; ``hosts`` are sent the headers when files are read."""
        super().__init__(name, url, dialects, web, headers)
        self._hosts = hosts

    def access(self, href: str, renew: bool = False) -> Access:
        """See Catalogue.access."""
        if not self.headers or urlsplit(href).hostname not in self._hosts:
            return Access(f"/vsicurl/{href}")
        lines = "\r\n".join(f"{name}: {secret.reveal()}" for name, secret in self.headers.items())
        return Access(f"/vsicurl/{href}", credentials={"GDAL_HTTP_HEADERS": Secret(lines)})


def open_catalogue(
    choice: str | CatalogueMapping,
    web: Web,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Catalogue:
    """The catalogue that a config names; nothing is asked of it yet.

    Args:
        choice: A key of KNOWN, or a mapping.
        web: The connection.
        folder: Where relative paths of static catalogues begin; the working folder by default.
        environ: Where header values are looked for; the process's environment by default.

    Raises:
        ConfigError: No such catalogue, or a header's environment variable is not set or no header value.
    """
    if isinstance(choice, str):
        if choice not in KNOWN:
            raise ConfigError(
                f"catalogue {choice!r} is none of {', '.join(KNOWN)}: give a mapping for others"
            )
        return KNOWN[choice](web)
    dialects = [_dialect(choice.name, one, rank) for rank, one in enumerate(choice.collections)]
    if choice.static:
        remote = "://" in choice.url
        return StaticCatalogue(
            choice.name, choice.url if remote else (folder or Path()) / choice.url, dialects, web
        )
    hosts = {urlsplit(choice.url).hostname or "", *choice.header_hosts}
    return MappedApi(choice.name, choice.url, dialects, web, _headers(choice, environ), hosts)


def _headers(choice: CatalogueMapping, environ: Mapping[str, str] | None) -> dict[str, Secret]:
    found = {}
    for header, variable in choice.headers.items():
        secret = from_environment(variable, environ)
        if secret is None:
            raise ConfigError(f"catalogue {choice.name}: set {variable}, the value of its header {header}")
        if any(mark in secret.reveal() + header for mark in ',\r\n"\\') or not header.isascii():
            raise ConfigError(f"catalogue {choice.name}: {variable} holds no value of a header {header}")
        found[header] = secret
    return found


def _dialect(provider: str, mapping: CollectionMapping, rank: int) -> Dialect:
    sensor = mapping.sensor
    known = SENTINEL_2_COMMON if sensor.startswith("sentinel-2") else POLARISATIONS
    rule, table = None, None
    if mapping.like is not None:
        source, _, collection = mapping.like.partition("/")
        table = (source, collection)
    else:
        rule = Rule(
            f"config-{provider}",
            mapping.scale,
            mapping.offset,
            mapping.nodata,
            mapping.quantity,
            "the config",
        )
    return Dialect(
        provider,
        mapping.collection,
        sensor,
        mapping.assets or known,
        rule=rule,
        table=table,
        level={"sentinel-2-l2a": "L2A", "sentinel-1-grd": "GRD", "sentinel-1-rtc": "GRD"}.get(sensor, ""),
        placed_by="gcps" if mapping.placed_by_gcps else "transform",
        rank=rank,
    )
