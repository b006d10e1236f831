"""A scenario as plain values, read from ``configs/simulate``: who stands where and when, and when it is seen.

Positions at a site are metres along and across its tracks: the origin is the middle of all track vertices,
along runs with the longest track from its first vertex to its last, across lies to the right of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from imagery.errors import ConfigError
from imagery.plainyaml import plain_yaml
from imagery.textfile import read_text, short

LIMIT_BYTES = 1_000_000
"""A scenario is a few pages of text."""

Sky = Literal["clear", "thin", "broken", "overcast", "haze"]
"""Weather of an overpass."""

Cover = Literal["blue", "white", "green", "grey"]
"""Colour of a tarpaulin: a key of stock.COVERS."""

Level = Annotated[int, Field(ge=0, le=255)]
"""Brightness of one colour."""

Colour = tuple[Level, Level, Level]
"""Red, green, blue as seen in full sun."""

Model = TypeVar("Model", bound=BaseModel)


class Plain(BaseModel):
    """Frozen values; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Plain):
    """A span of days, both ends inside."""

    first: date
    """First day."""
    last: date
    """Last day."""

    @model_validator(mode="after")
    def _in_order(self) -> Span:
        if self.last < self.first:
            raise ValueError(f"last {self.last} lies before first {self.first}")
        return self

    def holds(self, day: date) -> bool:
        """Whether the day lies inside."""
        return self.first <= day <= self.last


class Cars(Plain):
    """Wagons of one make, coupled."""

    form: str
    """Key into stock.STOCK."""
    count: int = Field(ge=1, le=200)
    """How many."""
    tarp: Cover | Literal["none"] = "none"
    """``none`` or a colour in stock.COVERS."""
    load: str = "empty"
    """As in wagons.WagonSpec."""
    length_m: float | None = Field(default=None, ge=4, le=32)
    """Over the end walls; the make's own where absent."""


class Rake(Span):
    """Coupled wagons that stand at one place for some days."""

    track: str
    """Track id of the site."""
    start_m: float = Field(ge=0)
    """Distance along the track to the first end wall."""
    cars: tuple[Cars, ...] = Field(min_length=1)
    """Wagons, in order along the track."""


class Traffic(Span):
    """Rakes that come and go by chance."""

    per_week: float = Field(ge=0, le=50)
    """Mean number of rakes that arrive in a week."""
    cars: tuple[int, int]
    """Fewest and most wagons of a rake."""
    stay_days: tuple[int, int]
    """Fewest and most days that a rake stays."""
    at_most: int = Field(default=20, ge=0)
    """Wagons on the site's tracks at any time, scheduled rakes included."""
    forms: Mapping[str, float]
    """Makes and how common each is."""
    tarp_share: float = Field(default=0.0, ge=0, le=1)
    """Share of rakes under tarpaulins."""
    tarp_colours: tuple[Cover, ...] = ("blue", "green", "grey")
    """Their colours, each as likely."""


class Goods(Span):
    """Cargo on the ground: one stack, or containers in rows."""

    id: str
    """Unique within its site."""
    kind: Literal["stack", "containers"] = "stack"
    """A stack lies under one cover; containers are 6.06 x 2.44 m each."""
    along_m: float
    """Of its centre."""
    across_m: float
    """Of its centre."""
    angle_deg: float = 0.0
    """Of its length, clockwise from along."""
    length_m: float = Field(gt=0, le=500)
    """Outer length."""
    width_m: float = Field(gt=0, le=200)
    """Outer width."""
    height_m: float = Field(default=2.6, gt=0, le=20)
    """Above the ground."""
    colour: Cover | Literal["mixed"] = "blue"
    """A colour in stock.COVERS, or ``mixed`` for containers of many colours."""


class Ship(Span):
    """A ship at a berth: seen in the 10 m scenes only."""

    along_m: float
    """Of its centre."""
    across_m: float
    """Of its centre."""
    angle_deg: float = 0.0
    """Of its length, clockwise from along."""
    length_m: float = Field(gt=0, le=400)
    """Over all."""
    width_m: float = Field(gt=0, le=60)
    """Beam."""


class Patch(Plain):
    """A rectangle of one material on the ground."""

    material: str
    """Key into spectra.GROUND."""
    along_m: float
    """Of its centre."""
    across_m: float
    """Of its centre."""
    length_m: float = Field(gt=0)
    """Along its own direction."""
    width_m: float = Field(gt=0)
    """Across it."""
    angle_deg: float = 0.0
    """Of its length, clockwise from along."""


class Roof(Plain):
    """A building."""

    along_m: float
    """Of its centre."""
    across_m: float
    """Of its centre."""
    length_m: float = Field(gt=0)
    """Of its plan."""
    width_m: float = Field(gt=0)
    """Of its plan."""
    height_m: float = Field(gt=0, le=60)
    """Of its roof."""
    angle_deg: float = 0.0
    """Of its length, clockwise from along."""
    colour: Colour
    """Of its roof."""


class Ground(Plain):
    """What lies at a site besides tracks; invented where the site file does not say."""

    parcels: Mapping[str, float]
    """Materials of the fields and woods beyond the yard, and how common each is."""
    parcel_m: float = Field(default=90.0, gt=5)
    """Usual distance between neighbouring parcels."""
    leads_m: tuple[float, float] = (0.0, 0.0)
    """How far the longest track runs on before its first vertex and after its last; rails only."""
    areas: Mapping[str, str] = Field(default_factory=dict)
    """Material of the site file's yards and berths, by their id."""
    patches: tuple[Patch, ...] = ()
    """Painted in this order beneath the site's own areas."""
    roofs: tuple[Roof, ...] = ()
    """Buildings."""


class Overpasses(Span):
    """When the 10 m sensor looks, and which of its scenes the archive holds."""

    anchor: date
    """One day of an overpass."""
    every_days: int = Field(default=5, ge=1)
    """Days between overpasses."""
    at: time
    """UTC."""
    kept: float = Field(ge=0, le=1)
    """Share of the overpasses that the archive holds: the others are its missing dates."""
    kept_in_months: Mapping[int, float] = Field(default_factory=dict)
    """The same for single months, 1 to 12."""
    all_from: date
    """From this day on every overpass is held."""
    sky: Mapping[date, Sky] = Field(default_factory=dict)
    """Weather of single days that is not left to chance."""


class RadarPasses(Overpasses):
    """When radar looks from one orbit, and which of its scenes the archive holds."""

    orbit: int = Field(ge=1, le=175)
    """Relative orbit."""
    state: Literal["ascending", "descending"]
    """Direction of flight."""
    incidence_deg: float = Field(default=39.0, ge=25, le=50)
    """From the vertical."""


class FineScenes(Plain):
    """Pictures that show single wagons."""

    days: tuple[date, ...]
    """Days with a picture."""
    at: time
    """UTC."""
    gsd_m: float = Field(default=0.5, ge=0.2, le=1.2)
    """Ground sample distance."""
    along_m: tuple[float, float]
    """What is shown, along."""
    across_m: tuple[float, float]
    """What is shown, across."""
    jpeg: int = Field(default=80, ge=30, le=100)
    """Quality of the file's compression."""


class SitePlan(Plain):
    """One site's story and scenes."""

    site: Path
    """Site file (GeoJSON)."""
    ground: Path
    """Ground file (YAML)."""
    margin_m: float = Field(default=250.0, ge=0, le=2000)
    """How far the 10 m scenes reach beyond the site's tracks, yards and berths."""
    traffic: tuple[Traffic, ...] = ()
    """By chance."""
    rakes: tuple[Rake, ...] = ()
    """By schedule."""
    goods: tuple[Goods, ...] = ()
    """On the ground."""
    ships: tuple[Ship, ...] = ()
    """At the berths."""
    coarse: Overpasses
    """10 m scenes."""
    radar: tuple[RadarPasses, ...] = ()
    """Radar scenes, an orbit each."""
    fine: FineScenes | None = None
    """Pictures of single wagons."""


class Scenario(Plain):
    """A simulated archive."""

    title: str
    """In words."""
    seed: int = Field(ge=0)
    """Everything left to chance follows from it."""
    sites: tuple[SitePlan, ...] = Field(min_length=1)
    """Each painted by itself."""


def load_scenario(path: Path) -> Scenario:
    """Read a scenario; paths in it are relative to its own folder.

    Args:
        path: A YAML file.

    Returns:
        The checked scenario, with absolute paths.

    Raises:
        ConfigError: It is no such file; the message names the key, the value and the nearest known key.
    """
    scenario = _checked(Scenario, path)
    folder = path.resolve().parent
    plans = tuple(
        plan.model_copy(
            update={"site": (folder / plan.site).resolve(), "ground": (folder / plan.ground).resolve()}
        )
        for plan in scenario.sites
    )
    return scenario.model_copy(update={"sites": plans})


def load_ground(path: Path) -> Ground:
    """Read a ground file.

    Raises:
        ConfigError: As for load_scenario.
    """
    return _checked(Ground, path)


def _checked(model: type[Model], path: Path) -> Model:
    values = plain_yaml(read_text(path, LIMIT_BYTES), str(path))
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{path}: " + "; ".join(_explained(issue) for issue in error.errors())) from error


def _explained(issue: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in issue["loc"])
    if issue["type"] != "extra_forbidden":
        return f"{where} = {short(issue['input'])}: {issue['msg']}"
    near = difflib.get_close_matches(str(issue["loc"][-1]), _KEYS, n=1, cutoff=0.5)
    return f"unknown key {where!r}" + (
        f": did you mean {near[0]!r}?" if near else "; see docs/sample-archive.md"
    )


_MODELS = (
    Scenario,
    SitePlan,
    FineScenes,
    RadarPasses,
    Overpasses,
    Ground,
    Roof,
    Patch,
    Ship,
    Goods,
    Traffic,
    Rake,
    Cars,
)
_KEYS = sorted({name for model in _MODELS for name in model.model_fields})
