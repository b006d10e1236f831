"""What a sweep tries: every combination of some values, or random draws of them, over one config."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from evidence.config import RunConfig, check_config, read_yaml, resolved
from imagery.errors import ConfigError

MOST_RUNS = 10_000
"""A larger sweep is a mistake."""
Setting = dict[str, Any]
"""Values by dotted path."""


class Span(BaseModel):
    """A range that values are drawn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float
    """Least value."""
    high: float
    """Largest value."""
    log: bool = False
    """Whether each ratio is as likely as the next, instead of each difference."""
    whole: bool = False
    """Whether only whole numbers are drawn."""

    @model_validator(mode="after")
    def _runs_upwards(self) -> Self:
        if (
            not self.low < self.high
            or not math.isfinite(self.high - self.low)
            or (self.log and self.low <= 0)
        ):
            raise ValueError(f"low {self.low} and high {self.high}: low must be smaller, above 0 with log")
        return self

    def draw(self, rng: np.random.Generator) -> float | int:
        """One value."""
        if self.whole and not self.log:
            return int(rng.integers(round(self.low), round(self.high), endpoint=True))
        if not self.log:
            return float(rng.uniform(self.low, self.high))
        value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return round(value) if self.whole else value


class Part(BaseModel):
    """A part of the known figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sites: tuple[str, ...] | None = None
    """Of these sites alone."""
    since: date | None = None
    """On this day or later."""
    until: date | None = None
    """Before this day."""

    def of(self, figures: pd.DataFrame) -> pd.Series:
        """Which figures (n,) belong to it."""
        day = figures["date"].str[:10]
        inside = pd.Series(True, index=figures.index)
        if self.sites is not None:
            inside &= figures["site"].isin(self.sites)
        if self.since is not None:
            inside &= day >= self.since.isoformat()
        if self.until is not None:
            inside &= day < self.until.isoformat()
        return inside


class SweepConfig(BaseModel):
    """Which runs to make of one config, and how the best is chosen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Names the sweep."""
    base: Path
    """Config of a run, from the sweep file's own folder."""
    values: dict[str, tuple[Any, ...] | Span] = Field(min_length=1)
    """What to try, by dotted path such as ``season_days`` or ``sites.0``: a list, or low and high."""
    search: Literal["grid", "random"] = "grid"
    """Every combination of the lists, or draws."""
    draws: int = Field(20, ge=1, le=MOST_RUNS)
    """How many settings a random search tries."""
    seed: int | None = None
    """Of the draws; a random search must give it."""
    figures: Path | None = None
    """What is known: a CSV of site, date, quantity and value, or the truth of simulated tiles (JSON)."""
    quantity: str = "railcars"
    """Of the figures: the best setting has the smallest mean absolute error of it."""
    days: float = Field(0.0, ge=0)
    """How far a measured date may lie from a figure's; 0 for the same day."""
    choose_on: Part = Part()
    """Figures that the best setting is chosen on."""
    report_on: Part | None = None
    """Figures that its error is told on; none of them may be chosen on."""

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Self:
        if self.search == "random" and self.seed is None:
            raise ValueError("a random search needs a seed")
        if self.search == "grid" and any(isinstance(value, Span) for value in self.values.values()):
            raise ValueError("low and high are drawn from: write search: random, or give a list")
        return self


def load_sweep(path: Path) -> SweepConfig:
    """Read a sweep's YAML; paths in it are relative to the file's own folder.

    Raises:
        ConfigError: Unknown key, impossible value, or no such file.
    """
    sweep = check_config(SweepConfig, read_yaml(path), str(path))
    here = path.resolve().parent
    figures = (here / sweep.figures).resolve() if sweep.figures else None
    return sweep.model_copy(update={"base": (here / sweep.base).resolve(), "figures": figures})


def settings(sweep: SweepConfig) -> Iterator[Setting]:
    """What to try, in a fixed order.

    Raises:
        ConfigError: A grid holds more than MOST_RUNS.
    """
    names = list(sweep.values)
    if sweep.search == "grid":
        lists = [value for value in sweep.values.values() if not isinstance(value, Span)]
        if (count := math.prod(map(len, lists))) > MOST_RUNS:
            raise ConfigError(
                f"a grid of {count} runs: at most {MOST_RUNS}; take fewer values, or search: random"
            )
        for chosen in itertools.product(*lists):
            yield dict(zip(names, chosen, strict=True))
        return
    rng = np.random.default_rng(sweep.seed)
    for _ in range(sweep.draws):
        yield {name: _drawn(value, rng) for name, value in sweep.values.items()}


def _drawn(value: Sequence[Any] | Span, rng: np.random.Generator) -> Any:
    return value.draw(rng) if isinstance(value, Span) else value[int(rng.integers(len(value)))]


def config_of(sweep: SweepConfig, setting: Setting) -> RunConfig:
    """The base config with a setting in it.

    Raises:
        ConfigError: A path leads nowhere, or the config does not take the value.
    """
    values = deepcopy(read_yaml(sweep.base))
    for path, value in setting.items():
        _put(values, path, value)
    where = f"{sweep.name} with " + ", ".join(f"{path}={value}" for path, value in setting.items())
    return resolved(values, where, sweep.base.parent)


def _put(values: dict[str, Any], path: str, value: Any) -> None:
    """Set what a dotted path leads to; its last part may be new, and the config then says if it knows it."""
    *way, last = path.split(".")
    place: Any = values
    try:
        for step in way:
            place = place[step] if isinstance(place, Mapping) else place[int(step)]
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ConfigError(f"{path!r} leads nowhere in the base config ({error!r})") from error
