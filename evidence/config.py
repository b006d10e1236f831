"""RunConfig: frozen plain values of one run. It builds nothing."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from imagery.errors import ConfigError, InputError
from imagery.period import Period
from imagery.plainyaml import plain_yaml
from imagery.sources.network.secret import redact
from imagery.sources.stores.address import Address, is_name, is_url, parse
from imagery.textfile import read_text, short

Model = TypeVar("Model", bound=BaseModel)

MAX_CONFIG_BYTES = 1_000_000
"""A config is a page of text; anything larger is a mistake or an attack."""


class RunConfig(BaseModel):
    """What one run reads, measures and holds against each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = "yardwatch run"
    """Heading of the report."""
    tiles: tuple[Path, ...] = Field(min_length=1)
    """Folders or images; in a file or on the command line also URLs (docs/stores.md)."""
    sites: tuple[Path, ...] = ()
    """Site files (GeoJSON)."""
    claims: tuple[Path, ...] = ()
    """Claim files (YAML) or folders of them."""
    tracks: Path | None = None
    """Track axes for images without a site, in map coordinates or pixels."""
    target: str | None = None
    """Period held against its baseline, such as ``2023-09-13/2023-10-31``."""
    baseline_years: int = Field(5, ge=1, le=50)
    """Years before the target that make the baseline."""
    season_days: int | None = Field(None, ge=1, le=182)
    """Only baseline dates within this many days of the target's season; all year where absent."""
    detector: str = "strips"
    """Who counts wagons one by one."""
    adapted: Path | None = None
    """Weights of ``yardwatch adapt``, used everywhere; those beside a site's file need no key."""
    engine: Path | None = None
    """Folder of ``yardwatch export-model``, whose engine runs the nets instead of torch."""
    gsd_m: float | None = Field(None, gt=0, le=1000)
    """Ground sample distance in metres of images without a map position."""
    bands: tuple[str, ...] | None = None
    """Band names, in file order, of images that do not name their own."""
    clouds: Literal["omnicloudmask"] | None = None
    """A second opinion on clouds, beside what each scene brings (docs/visibility-and-alignment.md)."""
    clouds_weights: Path | None = None
    """Folder that holds its weights: none are downloaded."""
    level: float = Field(0.9, gt=0, lt=1)
    """Nominal coverage of every interval."""
    pictures: int = Field(36, ge=0, le=200)
    """How many dates are shown as pictures in the report."""

    @field_validator("target")
    @classmethod
    def _target_is_a_period(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                Period.parse(text)
            except InputError as error:
                raise ValueError(str(error)) from error
        return text

    @model_validator(mode="after")
    def _clouds_have_weights(self) -> Self:
        if (self.clouds is None) != (self.clouds_weights is None):
            raise ValueError("clouds and clouds_weights (a folder that holds its weights) go together")
        return self

    def digest(self) -> str:
        """SHA-256 of the resolved values, hexadecimal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def no_stores(addresses: Sequence[Address]) -> Path:
    """Where nothing is brought from a store.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(f"tiles = {addresses[0].bare}: only `yardwatch run` and `count` take URLs")


def load_config(
    path: Path, overrides: Sequence[str] = (), bring: Callable[[Sequence[Address]], Path] = no_stores
) -> RunConfig:
    """Read a YAML config; paths in it are relative to the file's own folder.

    Args:
        path: The YAML file.
        overrides: ``key=value`` texts that replace values; the value is read as YAML.
        bring: Brings what lies at URLs to this disk, and says below which folder.

    Returns:
        The checked config, with absolute paths.

    Raises:
        ConfigError: Unknown key (the nearest right one is named), impossible value, or no such file.
        YardwatchError: A URL cannot be used.
    """
    values = {**read_yaml(path), **parse_overrides(overrides)}
    return resolved(values, str(path), path.resolve().parent, bring)


def resolved(
    values: Mapping[str, Any],
    where: str,
    folder: Path,
    bring: Callable[[Sequence[Address]], Path] = no_stores,
) -> RunConfig:
    """Plain values as a checked config with absolute paths; ``tiles`` may be URLs.

    Args:
        values: By key.
        where: Names their source in messages.
        folder: Where paths in them start.
        bring: See load_config; called once all else is checked.

    Raises:
        ConfigError: See load_config.
        YardwatchError: A URL cannot be used.
    """
    tiles = values.get("tiles")
    urls = [one for one in tiles if is_url(one)] if isinstance(tiles, list) else []
    addresses = {url: parse(url) for url in urls}
    if isinstance(tiles, list):
        # Of a URL only this path goes on from here: what else it holds may be a signature.
        tiles = [str(addresses[one].name) if is_url(one) else one for one in tiles]
        values = {**values, "tiles": tiles}
    for key in ("tiles", "sites", "claims", "tracks", "adapted", "engine", "clouds_weights"):
        named = values.get(key)
        for one in named if isinstance(named, list) else [named]:
            if is_url(one):
                raise ConfigError(f"{where}: {key} = {redact(one)}: only a list of tiles may hold URLs")
    config = check_config(RunConfig, values, where)
    return anchored(config, folder, bring(list(addresses.values())) if addresses else None)


def check_config(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Validate plain values, or say in one message what is wrong with which key.

    Raises:
        ConfigError: As the message says.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_explain(model, issue) for issue in error.errors()]
        raise ConfigError(f"{where}: " + "; ".join(lines)) from error


def _explain(model: type[BaseModel], issue: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in issue["loc"])
    if issue["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, model.model_fields, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(model.model_fields)}"
        return f"unknown key {key!r}, {hint}"
    if issue["type"] == "missing":
        return f"key {key!r} is missing"
    return f"{key} = {redact(short(issue['input']))}: {issue['msg'].removeprefix('Value error, ')}"


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: It cannot be read, is too large, or holds something else.
    """
    try:
        values = plain_yaml(read_text(path, MAX_CONFIG_BYTES), str(path))
    except InputError as error:
        raise ConfigError(f"{error}; give the path of a YAML config") from error
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ConfigError(f"{path}: must be a mapping of key: value lines, not {type(values).__name__}")
    return values


def parse_overrides(overrides: Sequence[str]) -> dict[str, Any]:
    """Values by key of ``key=value`` texts.

    Raises:
        ConfigError: A text has no ``=``, or its value is not YAML.
    """
    values: dict[str, Any] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {redact(text)!r}: write key=value")
        try:
            values[key.strip()] = plain_yaml(value, "the value")
        except InputError as error:
            raise ConfigError(f"--set {redact(text)!r}: {redact(error)}") from error
    return values


def anchored(config: RunConfig, folder: Path, stores: Path | None = None) -> RunConfig:
    """The config with its paths absolute, taken as relative to ``folder``; those of URLs to ``stores``."""

    def place(path: Path) -> Path:
        if stores and is_name(path.as_posix()):
            return stores / path
        return (folder / path.expanduser()).resolve()

    return config.model_copy(
        update={
            "tiles": tuple(place(path) for path in config.tiles),
            "sites": tuple(place(path) for path in config.sites),
            "claims": tuple(place(path) for path in config.claims),
            "tracks": place(config.tracks) if config.tracks else None,
            "adapted": place(config.adapted) if config.adapted else None,
            "engine": place(config.engine) if config.engine else None,
            "clouds_weights": place(config.clouds_weights) if config.clouds_weights else None,
        }
    )
