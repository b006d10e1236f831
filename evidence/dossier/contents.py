"""What stands in a verified dossier. Its seal holds, but a stranger may have made it: nothing is believed."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from evidence.config import RunConfig, check_config
from evidence.dossier.seal import CONFIG, SOFTWARE, climbs
from evidence.dossier.verify import Broken, Held
from imagery.errors import ConfigError
from imagery.textfile import read_text

MAX_TABLE_BYTES = 256 * 1024 * 1024
KEY = ("site", "scene_id", "quantity", "method")
NUMBERS = ("value", "low", "high")

Rows = Mapping[tuple[str, ...], tuple[float, ...]]
T = TypeVar("T")


def config_in(held: Held) -> RunConfig:
    """The config of a dossier, its paths relative to the folder of inputs.

    Raises:
        ConfigError: It is none, or a path in it leads out of that folder.
        Broken: It is no JSON.
    """
    config = check_config(RunConfig, _parsed(held.folder / CONFIG, json.loads), CONFIG)
    single = (config.tracks, config.adapted, config.engine, config.clouds_weights)
    for one in (*config.tiles, *config.sites, *config.claims, *filter(None, single)):
        if climbs(one.as_posix()) or one.parts[0].startswith("~"):
            raise ConfigError(f"{CONFIG}: {str(one)!r} leads out of the folder of inputs")
    return config


def code_of(held: Held) -> str:
    """The digest of the code that a dossier says it was made with."""
    return _parsed(held.folder / SOFTWARE, lambda text: str(json.loads(text)["code_sha256"]))


def measurements_in(folder: Path) -> Rows:
    """Value and interval of each measurement in a dossier or run."""
    return _parsed(folder / "measurements.csv", _measurements)


def verdicts_in(folder: Path) -> Rows:
    """Value and interval of each verdict in a dossier or run."""
    return _parsed(folder / "verdicts.json", _verdicts)


def _parsed(path: Path, parse: Callable[[str], T]) -> T:
    text = read_text(path, MAX_TABLE_BYTES)
    try:
        return parse(text)
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError, csv.Error) as error:
        raise Broken("changed", path.name, "is not as a run writes it") from error


def _measurements(text: str) -> Rows:
    rows: dict[tuple[str, ...], tuple[float, ...]] = {}
    seen: Counter[tuple[str, ...]] = Counter()
    for row in csv.DictReader(text.splitlines()):
        key = tuple(str(row[name]) for name in KEY)
        seen[key] += 1
        rows[(*key, str(seen[key]))] = tuple(_number(row[name]) for name in NUMBERS)
    return rows


def _verdicts(text: str) -> Rows:
    return {
        (str(one["claim_id"]), str(one["verdict"])): tuple(_number(one[name]) for name in NUMBERS)
        for one in json.loads(text)
    }


def _number(value: Any) -> float:
    return math.nan if value in (None, "") else float(value)
