"""FetchConfig: frozen plain values of one fetch. It builds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from evidence.config import check_config, parse_overrides, read_yaml
from imagery.errors import InputError
from imagery.period import Period
from imagery.sensors import SENSORS
from imagery.sources.choose import CatalogueMapping
from imagery.sources.remote_bands import CLOUD_BAND


class FetchConfig(BaseModel):
    """What is fetched, from where, and how hard servers are pressed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sites: tuple[Path, ...] = Field(min_length=1)
    """Site files (GeoJSON); what is fetched is the search box of each."""
    period: str
    """Such as ``2018-10/2023-11``; its ends are fixed, so that the same config fetches the same."""
    sensors: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Bands by sensor: ``sentinel-2-l2a: [B02, B03, B04, B08, SCL]``."""
    catalogues: tuple[str | CatalogueMapping, ...] = Field(min_length=1)
    """In order of preference: names of known ones, or mappings for others."""
    out: Path = Path("out/fetched")
    """Folder for the tiles; from the command line it is --out."""
    margin_m: float = Field(200.0, ge=0, le=50_000)
    """Ground around each search box."""
    max_cloud_percent: float = Field(100.0, ge=0, le=100)
    """Scenes that are cloudier over the whole picture, as their provider says, are not fetched."""
    workers: int = Field(4, ge=1, le=16)
    """Scenes that are fetched at the same time."""
    tries: int = Field(6, ge=1, le=20)
    """How often a request is made before it counts as failed."""
    first_wait_s: float = Field(1.0, ge=0, le=600)
    """Longest wait after the first failure; it doubles with each further one."""
    longest_wait_s: float = Field(120.0, ge=0, le=3600)
    """Longest wait of all; a server that asks for more is left alone until the next run."""
    timeout_s: float = Field(120.0, gt=0, le=3600)
    """For one request."""

    @field_validator("period")
    @classmethod
    def _is_a_period(cls, text: str) -> str:
        try:
            Period.parse(text)
        except InputError as error:
            raise ValueError(str(error)) from error
        return text

    @field_validator("sensors")
    @classmethod
    def _are_known(cls, sensors: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for sensor, bands in sensors.items():
            if sensor not in SENSORS:
                raise ValueError(f"sensor {sensor!r} is none of {', '.join(SENSORS)}")
            known = {band.name for band in SENSORS[sensor].bands} | {CLOUD_BAND}
            strange = [band for band in bands if band not in known]
            if strange or not bands or len(set(bands)) < len(bands):
                said = ", ".join(bands) or "none"
                raise ValueError(f"bands of {sensor}: {said}; each once of {', '.join(sorted(known))}")
        return sensors


def load_fetch_config(path: Path, overrides: Sequence[str] = ()) -> FetchConfig:
    """Read a YAML config; site files in it are relative to its own folder.

    Args:
        path: The YAML file.
        overrides: ``key=value`` texts that replace values; the value is read as YAML.

    Returns:
        The checked config, with absolute paths of sites.

    Raises:
        ConfigError: Unknown key (the nearest right one is named), impossible value, or no such file.
    """
    values = {**read_yaml(path), **parse_overrides(overrides)}
    config = check_config(FetchConfig, values, str(path))
    folder = path.resolve().parent
    return config.model_copy(
        update={"sites": tuple((folder / one.expanduser()).resolve() for one in config.sites)}
    )
